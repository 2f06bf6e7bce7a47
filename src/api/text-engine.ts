import type { Engine } from "../engine/engine.js";

/** What the APIs need of the engine. */
export type TextEngine = Pick<Engine, "generate" | "tokenize">;

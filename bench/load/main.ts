/** Bundled as `dist/load-test.js`, which `ortler bench` loads (`src/commands/bench.ts`). */
import { fileURLToPath } from "node:url";
import { createBenchCommand } from "./command.js";

export const command = createBenchCommand(fileURLToPath(new URL(".", import.meta.url)));

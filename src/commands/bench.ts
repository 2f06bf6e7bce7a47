/**
 * The load test is a program of its own beside this one, `load-test.js`: what it is made of shares no file with the server,
 * whose start reads nothing of it, and `src` imports nothing of `bench/`.
 */
import type { Command } from "./command.js";

const program = new URL("./load-test.js", import.meta.url);

export const { command } = (await import(program.href)) as { readonly command: Command }; // scripts/build.js puts it there

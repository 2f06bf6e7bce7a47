/**
 * Loaded into the server before the program (`node --import`): watches its event loop when the benchmark says so. Until
 * then it does nothing.
 */
import { LoopMonitor } from "./loop-delay.js";

const monitor = new LoopMonitor();

process.on("message", (message: unknown) => {
  if (message === "opened" || message === "closed") monitor[message]();
  else process.send?.(monitor.read() ?? null);
});

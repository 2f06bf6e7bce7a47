/** The load test among the other benchmarks, on the programs that `npm run bench` has just built. */
import { createBenchCommand } from "./command.js";

const program = createBenchCommand("dist");

export const load = {
  usage: `load [options]
    A server under load: latency, tokens a second, goodput (docs/benchmarking.md).
    node dist/cli.js bench --help lists the options`,
  run: async (args: readonly string[]): Promise<void> => {
    await program.run(["load", ...args]);
  },
};

export const report = {
  usage: `report REPORT.json... --html FILE
    Reports of load tests side by side, on one page`,
  run: async (args: readonly string[]): Promise<void> => {
    await program.run(["report", ...args]);
  },
};

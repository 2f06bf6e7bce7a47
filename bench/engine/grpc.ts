import { fork, type ChildProcess } from "node:child_process";
import { on, once } from "node:events";
import { fileURLToPath } from "node:url";
import { HarnessError } from "../errors.js";
import type { ClientReport, ClientTask } from "./grpc-messages.js";
import type { Run, Variant, Workload } from "./variant.js";

const clientProgram = fileURLToPath(new URL("./grpc-client.js", import.meta.url));

/** Streaming clients of a server in another process, in a process of their own: one connection for each sequence. */
export class GrpcStreams implements Variant, AsyncDisposable {
  readonly name = "gRPC streams";
  readonly #child: ChildProcess;

  /** @param port of the server, on this machine. */
  constructor(port: number) {
    this.#child = fork(clientProgram, [String(port)], { serialization: "advanced" });
  }

  async run({ prompts, newTokens, observer }: Workload): Promise<Run> {
    const reports = on(this.#child, "message", { close: ["exit"] }); // listens from here on
    const texts = prompts.map(({ text, tokenIds }) => ({ text, tokens: tokenIds.length }));
    this.#child.send({ prompts: texts, newTokens } satisfies ClientTask);
    for await (const [report] of reports as AsyncIterable<[ClientReport]>) {
      if (report.type === "failed") throw new HarnessError(`gRPC client: ${report.message}`);
      if (report.type === "done") return { arrivals: report.arrivals, clientCpuShare: report.cpuShare };
      observer?.[report.type]();
    }
    throw new HarnessError("the process of the gRPC clients ended");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.disconnect(); // it ends when nobody can ask it for more
    await once(this.#child, "exit");
  }
}

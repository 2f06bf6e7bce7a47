import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { resolve } from "node:path";
import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { ServerStreamingTextGenerationTaskRequestSchema } from "../src/api/grpc/generated/caikit/runtime/nlp_pb.js";
import { encode, finish, nextMessage, RawClient } from "./support/grpc.js";

interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The real program, as built; without the environment of whoever runs the tests. */
function start(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, ["dist/cli.js", ...args], { env: { PATH: process.env["PATH"] ?? "", ...env } });
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => (output[name] += text));
  }
  return { child, output };
}

async function run(args: readonly string[], input = "", env: Readonly<Record<string, string>> = {}): Promise<Run> {
  const { child, output } = start(args, env);
  child.stdin.end(input);
  const [code] = (await once(child, "close")) as [number | null];
  return { code, ...output };
}

/** What keeps a server out of the way of others. */
const local = ["--host=127.0.0.1", "--grpc-port=0", "--tgis-port=0", "--http-port=0", "--health-port=0"];

/** A server on free ports, from its ready line on. */
async function serve(args: readonly string[] = []) {
  const { child, output } = start(["serve", ...local, ...args]);
  const exited = once(child, "close") as Promise<[number | null, NodeJS.Signals | null]>;
  while (!output.stdout.includes("\n")) await once(child.stdout, "data");
  const ready = JSON.parse(output.stdout) as {
    event: string;
    model: string;
    ports: { grpc: number; health: number };
    ms: number;
  };
  return { child, output, exited, ready };
}

/** A stream of hundreds of tokens, of which the first message has come. */
async function startStream(port: number) {
  const request = encode(ServerStreamingTextGenerationTaskRequestSchema, { text: "The whale", maxNewTokens: 400n });
  const stream = new RawClient(port).start(
    "/caikit.runtime.Nlp.NlpService/ServerStreamingTextGenerationTaskPredict",
    request,
  );
  await nextMessage(stream);
  return stream;
}

describe("without a model", () => {
  const help = expect.stringContaining("Usage: ortler <command> [options]") as string;
  const rows: [args: string[], code: number, stdout: string, stderr: string][] = [
    [["--help"], 0, help, ""],
    [["-h"], 0, help, ""],
    [[], 2, "", help],
    [["--version"], 0, `${(JSON.parse(readFileSync("package.json", "utf8")) as { version: string }).version}\n`, ""],
    [
      ["sreve"],
      2,
      "",
      "ortler: unknown command sreve: the commands are serve, generate, inspect, convert, bench, cache, health\n",
    ],
    [
      ["toString"],
      2,
      "",
      "ortler: unknown command toString: the commands are serve, generate, inspect, convert, bench, cache, health\n",
    ],
    [["serve", "--max-slot=3"], 2, "", "ortler: unknown flag --max-slot; did you mean --max-slots?\n"],
    [["serve", "--max-slots=0"], 2, "", 'ortler: --max-slots must be an integer from 1 to 4096, got "0"\n'],
    [["serve", "tiny"], 2, "", 'ortler: unexpected argument "tiny"\n'],
    [
      ["generate", "two", "words"],
      2,
      "",
      'ortler: unexpected argument "words": put a prompt of many words in quotes\n',
    ],
    [
      ["generate", "--top-k=many", "x"],
      2,
      "",
      expect.stringMatching(/^ortler: --top-k must be an integer .*"many"\n$/) as string,
    ],
    [["inspect", "two", "folders"], 2, "", 'ortler: unexpected argument "folders"\n'],
  ];
  test.each(rows)("ortler %j ends with code %i and says why", async (args, code, stdout, stderr) => {
    expect(await run(args)).toEqual({ code, stdout, stderr });
  });

  test.each(["serve", "generate", "inspect"])("%s --help shows how it is used", async (name) => {
    const { code, stdout } = await run([name, "--help"]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(`^Usage: ortler ${name} `) as string });
  });

  test("a bad value in the environment is named like one on the command line", async () => {
    expect(await run(["serve"], "", { MAX_BATCH_SIZE: "many" })).toEqual({
      code: 2,
      stdout: "",
      stderr: 'ortler: MAX_BATCH_SIZE in the environment must be an integer from 1 to 4096, got "many"\n',
    });
  });
});

describe("serve", () => {
  test("prints one ready line with model, port and milliseconds, drains on SIGTERM and ends with 0", async () => {
    const { child, output, exited, ready } = await serve();
    expect(ready).toEqual({
      event: "ready",
      model: "tiny",
      ports: Object.fromEntries(["grpc", "tgis", "http", "health"].map((name) => [name, expect.any(Number)])),
      ms: expect.any(Number) as number,
    });
    expect(ready.ports.grpc).toBeGreaterThan(0);
    child.kill("SIGTERM");
    expect(await exited).toEqual([0, null]);
    expect(output.stdout.split("\n")).toHaveLength(2);
  });

  test("logs JSON lines when standard error is no terminal, with each setting and its source", async () => {
    const { child, output, exited } = await serve(["--max-slots=3", "--num-shard=2"]);
    child.kill("SIGINT");
    expect(await exited).toEqual([0, null]);
    const records = output.stderr
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(records).toContainEqual(
      expect.objectContaining({
        level: "info",
        message: "setting",
        name: "max-slots",
        value: "3",
        source: "--max-slots",
      }),
    );
    expect(records).toContainEqual(
      expect.objectContaining({ level: "warn", message: expect.stringMatching(/^--num-shard=2 is ignored/) as string }),
    );
  });

  test("a signal during the start ends it with 0, without a ready line", async () => {
    const { child, output } = start(["serve", ...local]);
    await once(child.stderr, "data"); // the first setting is printed: signals are heard from here on
    child.kill("SIGTERM");
    const [code] = (await once(child, "close")) as [number | null];
    expect({ code, stdout: output.stdout }).toEqual({ code: 0, stdout: "" });
  });

  test("SIGTERM lets a running request finish", async () => {
    const server = await serve();
    const stream = await startStream(server.ready.ports.grpc);
    server.child.kill("SIGTERM");
    expect((await finish(stream)).code).toBe(status.OK);
    expect(await server.exited).toEqual([0, null]);
  });

  test("requests that come within the delay after SIGTERM are answered, and then it ends with 0", async () => {
    const server = await serve(["--shutdown-delay-seconds=2"]);
    server.child.kill("SIGTERM");
    while (!server.output.stderr.includes('"draining"')) await once(server.child.stderr, "data");
    const health = await fetch(`http://127.0.0.1:${server.ready.ports.health}/health`);
    const late = await startStream(server.ready.ports.grpc);
    expect(health.status).toBe(503);
    expect((await finish(late)).code).toBe(status.OK);
    expect(await server.exited).toEqual([0, null]);
  });

  test("what still runs after the grace period is ended, and the exit code is 0 all the same", async () => {
    const server = await serve(["--shutdown-grace-seconds=0.05"]);
    const stream = await startStream(server.ready.ports.grpc);
    server.child.kill("SIGTERM");
    expect((await finish(stream)).code).toBe(status.UNAVAILABLE);
    expect(await server.exited).toEqual([0, null]);
  });

  test("a second signal ends it at once, with the code that shells give it", async () => {
    const server = await serve();
    const stream = await startStream(server.ready.ports.grpc);
    server.child.kill("SIGTERM");
    while (!server.output.stderr.includes('"draining"')) await once(server.child.stderr, "data");
    server.child.kill("SIGTERM");
    expect((await finish(stream)).code).toBe(status.UNAVAILABLE);
    expect(await server.exited).toEqual([143, null]);
  });

  test("a folder without a model ends with 1 and one line", async () => {
    const { code, stdout, stderr } = await run([
      "serve",
      "--model=./test/none",
      "--log-level=error",
      "--log-format=text",
    ]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^\S+ ERROR cannot start: model path \S+test\/none does not exist\n$/);
  });

  test("a port that is taken ends with 1 and one line that names it", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const address = taken.address();
    const port = typeof address === "object" ? String(address?.port) : "";
    const args = ["serve", ...local, `--grpc-port=${port}`, "--log-level=error", "--log-format=text"];
    const { code, stderr } = await run(args);
    taken.close();
    expect(code).toBe(1);
    expect(stderr).toMatch(
      new RegExp(`^\\S+ ERROR cannot start: cannot listen on 127\\.0\\.0\\.1:${port}: .*EADDRINUSE`, "m"),
    );
  });
});

interface GenerateResult {
  readonly text: string;
  readonly seed: string | null;
}

/** Greedy texts of the shipped model, by transformers. */
interface Reference {
  readonly prompt: string;
  readonly input_ids: readonly number[];
  readonly greedy: { readonly ids: readonly number[]; readonly text: string };
}

describe("generate", () => {
  const references = JSON.parse(readFileSync("test/fixtures/tiny-reference.json", "utf8")) as readonly Reference[];
  const prompt = "Fellow citizens of the Senate and";
  const reference = references.find((each) => each.prompt === prompt);
  const expected = reference?.greedy.text ?? "";
  const maxNewTokens = `--max-new-tokens=${String(reference?.greedy.ids.length)}`;

  async function generate(...args: string[]): Promise<GenerateResult> {
    return JSON.parse((await run(["generate", "--json", prompt, ...args])).stdout) as GenerateResult;
  }

  test("prints the text that transformers generates", async () => {
    expect(await run(["generate", prompt, maxNewTokens])).toEqual({ code: 0, stdout: `${expected}\n`, stderr: "" });
  });

  test("reads the prompt from standard input, less one line break at its end", async () => {
    const printed = { code: 0, stdout: `${expected}\n`, stderr: "" };
    expect(await run(["generate", maxNewTokens], `${prompt}\n`)).toEqual(printed);
    expect(await run(["generate", "-", maxNewTokens], prompt)).toEqual(printed);
  });

  test("--json gives the text with its facts", async () => {
    expect(await generate(maxNewTokens)).toEqual({
      text: expected,
      promptTokens: reference?.input_ids.length,
      completionTokens: reference?.greedy.ids.length,
      stopReason: "max-tokens",
      seed: null,
      ms: expect.any(Number) as number,
    });
  });

  test("stops at the first of several stop sequences, and leaves it out when asked to", async () => {
    expect(await generate("--no-include-stop-sequence", "--stop", " Congress", "--stop", " States")).toMatchObject({
      text: " of the United",
      stopReason: "stop-sequence",
    });
  });

  test("samples with a drawn seed, and repeats itself with that seed", async () => {
    const drawn = await generate("--temperature=1.5");
    expect(drawn.seed).toMatch(/^\d+$/);
    expect((await generate("--temperature=1.5", `--seed=${String(drawn.seed)}`)).text).toBe(drawn.text);
    expect((await generate("--temperature=1.5")).text).not.toBe(drawn.text);
  });

  test("an invalid parameter ends with 1 and one line", async () => {
    const { code, stdout, stderr } = await run(["generate", "x", "--top-p=2"]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^ortler: .*\n$/);
  });

  test("a reader that goes away is no failure", async () => {
    const { child, output } = start(["generate", prompt, "--max-new-tokens=400"]);
    child.stdin.end();
    await once(child.stdout, "data");
    child.stdout.destroy();
    const [code] = (await once(child, "close")) as [number | null];
    expect({ code, stderr: output.stderr }).toEqual({ code: 0, stderr: "" });
  });

  test("Ctrl-C ends it with 130", async () => {
    const { child, output } = start(["generate", prompt, "--max-new-tokens=400"]);
    child.stdin.end();
    await once(child.stdout, "data");
    child.kill("SIGINT");
    const [code] = (await once(child, "close")) as [number | null];
    expect({ code, stderr: output.stderr }).toEqual({ code: 130, stderr: "" });
  });
});

describe("inspect", () => {
  test("says what is in a folder", async () => {
    const { code, stdout } = await run(["inspect", "--json", "test/fixtures/micro-gpt2-sharded"]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ architecture: "gpt2", elementTypes: ["float32"], problems: [] });
  });

  test("without a folder says what is in the model that ships with Ortler", async () => {
    const { code, stdout } = await run(["inspect", "--json"]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ folder: resolve("models/tiny"), architecture: "gpt2", problems: [] });
  });

  test("says why a folder would not load, and ends with 1", async () => {
    const { code, stdout } = await run(["inspect", "test/fixtures"]);
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /^would not load +model path \S+test\/fixtures has 8 models, give the path of one: gpt2-vocab, /m,
    );
  });
});

/** Each adapter against the real server, and against servers that refuse, hang, or are not there. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { clockFrom, PulseCounter, recordRequest } from "../../../bench/load/client/recording.js";
import type { LoadRequest } from "../../../bench/load/scenario/requests.js";
import { wordsOf } from "../../../bench/load/scenario/words.js";
import { connectTarget } from "../../../bench/load/targets/connect.js";
import { firstModelId } from "../../../bench/load/targets/models.js";
import { apis, type Api, type TargetOptions } from "../../../bench/load/targets/target.js";
import { ServerProcess } from "../../../bench/server-process.js";
import { openAiApi } from "../../../src/api/http/openai/index.js";
import { tgiApi } from "../../../src/api/http/tgi/index.js";
import { OverCapacityError } from "../../../src/errors.js";
import { loadTokenizer } from "../../../src/model/index.js";
import { createAuthority } from "../../support/certificates.js";
import { startCaikit } from "../../support/grpc.js";
import { serveScript } from "../../support/http-texts.js";
import { fixtures } from "../../support/reference.js";
import { startTgis } from "../../api/grpc/tgis/server.js";
import { failing, hanging, type Script } from "../../support/scripted-engine.js";

const model = `${fixtures}/micro-gpt2`;
const authority = createAuthority("authority");
const { cert, key } = authority.issue("server");
const folder = mkdtempSync(path.join(tmpdir(), "ortler-load-"));
const keysFile = path.join(folder, "keys");
writeFileSync(keysFile, "secret\n");

let plain: ServerProcess;
let guarded: ServerProcess;
let request: LoadRequest;
beforeAll(async () => {
  const guards = [`--tls-cert=${cert}`, `--tls-key=${key}`, `--api-keys-file=${keysFile}`];
  [plain, guarded] = await Promise.all([
    ServerProcess.start({ args: [`--model=${model}`] }),
    ServerProcess.start({ args: [`--model=${model}`, ...guards] }),
  ]);
  const { words } = await wordsOf(model);
  const prompt = words.slice(2, 26).join(""); // the answer has tokens whose text is held back: fewer parts than tokens
  request = { prompt, promptTokens: 24, maxNewTokens: 10, sampling: undefined, seed: 7 };
});
afterAll(async () => {
  await Promise.all([plain[Symbol.asyncDispose](), guarded[Symbol.asyncDispose]()]);
  rmSync(folder, { recursive: true });
});

const access = { tls: undefined, apiKey: undefined, modelId: "micro-gpt2" };

function targetOf(api: Api, { ports }: ServerProcess, more: Partial<TargetOptions> = {}): TargetOptions {
  const isHttp = api === "openai" || api === "tgi";
  const port = { tgis: ports.tgis, caikit: ports.grpc, openai: ports.http, tgi: ports.http }[api];
  const scheme = isHttp ? (more.tls === undefined ? "http://" : "https://") : "";
  return { api, address: `${scheme}127.0.0.1:${port}`, ...access, ...more };
}

/** What becomes of one request over a connection of its own. */
async function record(options: TargetOptions, asked: Partial<LoadRequest> = {}, timeoutMs = 20_000) {
  const target = await connectTarget(options);
  const counter = new PulseCounter();
  try {
    const asking = { target, request: { ...request, ...asked }, traffic: 0, dueMs: 0, timeoutMs };
    return { ...(await recordRequest(asking, clockFrom(Date.now()), counter)), counted: counter.read() };
  } finally {
    target.close();
  }
}

describe.each(apis)("the %s API", (api) => {
  test("streams the tokens that were asked for, and the server counts them and those of the prompt", async () => {
    const { arrivals, promptTokens, errorMessage, counted } = await record(targetOf(api, plain));
    expect([errorMessage, promptTokens, arrivals.at(-1)?.tokens]).toEqual([undefined, 24, 10]);
    expect(counted).toEqual({ tokens: 10, sent: 1, answered: 1, failed: 0 });
  });

  test("samples where it is asked to", async () => {
    const sampling = { temperature: 0.9, topK: 20, topP: 0.95 };
    const { errorMessage, arrivals } = await record(targetOf(api, plain), { sampling });
    expect([errorMessage, arrivals.length > 0]).toEqual([undefined, true]);
  });

  test("is reached over TLS with a key", async () => {
    const tls = { ca: authority.cert, cert: undefined, key: undefined, isInsecure: false };
    const { errorMessage, arrivals } = await record(targetOf(api, guarded, { tls, apiKey: "secret" }));
    expect([errorMessage, arrivals.at(-1)?.tokens]).toEqual([undefined, 10]);
  });

  test("without the key is an error by its code, with any certificate", async () => {
    const tls = { ca: undefined, cert: undefined, key: undefined, isInsecure: true };
    const { errorCode } = await record(targetOf(api, guarded, { tls }));
    expect(errorCode).toMatch(/^(UNAUTHENTICATED|HTTP 401)$/);
  });

  test("of a server whose certificate nobody vouches for is an error", async () => {
    const tls = { ca: undefined, cert: undefined, key: undefined, isInsecure: false };
    const { errorCode } = await record(targetOf(api, guarded, { tls, apiKey: "secret" }));
    expect(errorCode).toMatch(/^(UNAVAILABLE|UNABLE_TO_VERIFY_LEAF_SIGNATURE)$/);
  });

  test("of a server that is not there is an error", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    const { port } = await new Promise<AddressInfo>((resolve) =>
      server.on("listening", () => resolve(server.address() as AddressInfo)),
    );
    await new Promise((resolve) => server.close(resolve));
    const address = targetOf(api, plain).address.replace(/\d+$/, String(port));
    expect((await record({ ...targetOf(api, plain), address })).errorCode).toMatch(/^(UNAVAILABLE|ECONNREFUSED)$/);
  });
});

test("the parts of an answer are the same text through every API", async () => {
  const texts = apis.map(async (api) => {
    const target = await connectTarget(targetOf(api, plain));
    const parts: string[] = [];
    await target.generate(request, (_, text) => parts.push(text), new AbortController().signal);
    target.close();
    return parts.join("");
  });
  const [first = "", ...others] = await Promise.all(texts);
  expect(first.length).toBeGreaterThan(10);
  expect(others).toEqual([first, first, first]);
});

describe("a server that", () => {
  /** Servers of the APIs that play a script, and what a request to each came to. */
  async function outcomes(script: Script, timeoutMs?: number): Promise<Record<Api, string | undefined>> {
    const http = await serveScript((options) => [
      openAiApi({ ...options, strictModelNames: false }),
      tgiApi({ ...options, version: "1", maxConcurrentRequests: 9 }),
    ]);
    const limits = { maxSequenceLength: 64, maxNewTokens: 32, vocabularySize: 256, includeStopSequenceByDefault: true };
    const engine = Object.assign(http.engine, { script, limits });
    const caikit = await startCaikit(engine);
    const tokenizer = await loadTokenizer(model);
    const tgis = await startTgis({ current: () => ({ engine, model: { tokenizer } }) });
    const addresses = { tgis: local(tgis.port), caikit: local(caikit.port), openai: http.url, tgi: http.url };
    try {
      const codes = apis.map(async (api) => {
        const { errorCode } = await record({ ...access, api, address: addresses[api] }, {}, timeoutMs);
        return [api, errorCode] as const;
      });
      return Object.fromEntries(await Promise.all(codes)) as Record<Api, string | undefined>;
    } finally {
      caikit.stop();
      tgis.stop();
      await http.stop();
    }
  }

  const local = (port: number): string => `127.0.0.1:${port}`;

  test("is full gives errors by their codes", async () => {
    expect(await outcomes(failing(new OverCapacityError(1)))).toEqual({
      tgis: "RESOURCE_EXHAUSTED",
      caikit: "INVALID_ARGUMENT", // as the original does
      openai: "HTTP 429",
      tgi: "HTTP 429",
    });
  });

  test("fails in the middle of a stream gives an error, not a short answer", async () => {
    const broken: Script = async function* () {
      await Promise.resolve();
      yield { type: "started", promptTokens: 3, seed: 0n, text: "" };
      yield { type: "tokens", text: "a", tokens: [], completionTokens: 1 };
      throw new Error("a bug");
    };
    expect(await outcomes(broken)).toEqual({
      ...{ tgis: "INTERNAL", caikit: "INTERNAL", openai: "server_error", tgi: "generation" },
    });
  });

  test("hangs is given up, and called so", async () => {
    expect(new Set(Object.values(await outcomes(hanging, 100)))).toEqual(new Set(["timeout"]));
  });
});

test("the model is what an OpenAI API lists first", async () => {
  expect(await firstModelId(targetOf("openai", plain))).toBe("micro-gpt2");
  await expect(firstModelId(targetOf("openai", guarded))).rejects.toThrow("give --model-id");
});

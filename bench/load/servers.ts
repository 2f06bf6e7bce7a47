/** The servers that a run measures: those that were named, or one that is started here. */
import { existsSync, readFileSync } from "node:fs";
import { flagName } from "../../src/config/options.js";
import { ConfigurationError } from "../../src/errors.js";
import { resolveLocalModel } from "../../src/model/index.js";
import { ServerProcess, type ServerPorts } from "../server-process.js";
import { makeCheckpoint, shippedModelBeside } from "./made-checkpoint.js";
import type { Measured } from "./measure.js";
import type { LoadOptions } from "./options.js";
import { wordsOf } from "./scenario/words.js";
import { metricsAt } from "./server/sampler.js";
import { firstModelId } from "./targets/models.js";
import { apis, type Api, type TargetOptions, type TlsOptions } from "./targets/target.js";

/** Servers, and what is to be stopped behind them. */
export interface Servers extends AsyncDisposable {
  readonly measured: readonly Measured[];
}

/**
 * @param programs folder of the built programs.
 * @throws {ConfigurationError} for options that do not go together or name what is not there.
 */
export async function openServers(options: LoadOptions, programs: string): Promise<Servers> {
  return options.target === undefined ? startServer(options, programs) : reachServers(options.target, options);
}

async function reachServers(targets: readonly string[], options: LoadOptions): Promise<Servers> {
  const ours = (["model", "checkpoint", "serverArg", "api"] as const).find((key) => options[key] !== undefined);
  if (ours !== undefined)
    throw new ConfigurationError(`--${flagName(ours)} is for a server that is started here: without --target`);
  const words = await wordsOf(options.tokenizer);
  const read = await Promise.all(targets.map(async (text) => readTarget(text, options)));
  const measured = read.map((target, index) => {
    const { api, address } = target;
    const isAlone = read.filter((other) => other.api === api).length === 1;
    const url = options.metrics?.[index];
    const watched = { readMetrics: url === undefined ? undefined : metricsAt(url), pid: options.serverPid?.[index] };
    return { name: isAlone ? api : `${api} at ${address}`, target, watched, words };
  });
  return { measured, [Symbol.asyncDispose]: async () => Promise.resolve() };
}

async function startServer(options: LoadOptions, programs: string): Promise<Servers> {
  const model = await modelToServe(options, programs);
  const isLocal = existsSync(model); // else the server fetches it: its tokenizer is not known here
  const words = await wordsOf(isLocal ? (await resolveLocalModel(model)).folder : options.tokenizer);
  const args = [`--model=${model}`, "--request-timeout-seconds=0", ...(options.serverArg ?? [])];
  const server = await ServerProcess.start({ args, programs });
  const { ports, modelId, pid } = server;
  const watched = { readMetrics: metricsAt(`http://127.0.0.1:${ports.health}/metrics`), pid };
  const measured = [...new Set<Api>(options.api ?? ["tgis"])].map((api) => {
    const target = { api, address: addressOf(api, ports), tls: undefined, apiKey: options.apiKey, modelId };
    return { name: api, target, watched, words };
  });
  return { measured, [Symbol.asyncDispose]: async () => server[Symbol.asyncDispose]() };
}

/**
 * Path of the model that the options name.
 * @throws {ConfigurationError} when they name two.
 */
export async function modelToServe(
  { model, checkpoint }: Pick<LoadOptions, "model" | "checkpoint">,
  programs: string,
): Promise<string> {
  if (checkpoint === undefined) return model ?? shippedModelBeside(programs);
  if (model !== undefined) throw new ConfigurationError("--checkpoint and --model name two models: give one");
  return makeCheckpoint(checkpoint, programs);
}

function addressOf(api: Api, { tgis, grpc, http }: ServerPorts): string {
  const addresses: Record<Api, string> = {
    tgis: `127.0.0.1:${tgis}`,
    caikit: `127.0.0.1:${grpc}`,
    openai: `http://127.0.0.1:${http}`,
    tgi: `http://127.0.0.1:${http}`,
  };
  return addresses[api];
}

/** @throws {ConfigurationError} for an unknown API, or an address that is none. */
async function readTarget(text: string, options: LoadOptions): Promise<TargetOptions> {
  const [, name = "", address = ""] = /^(\w+)=(.+)$/.exec(text) ?? [];
  const api = apis.find((each) => each === name.toLowerCase());
  const isUrl = URL.canParse(address) && /^https?:/.test(address);
  const isHttp = api === "openai" || api === "tgi";
  if (api === undefined || isHttp !== isUrl || (!isHttp && !/^.+:\d+$/.test(address))) {
    throw new ConfigurationError(
      `--target must be tgis=HOST:PORT, caikit=HOST:PORT, openai=URL or tgi=URL, got ${JSON.stringify(text)}`,
    );
  }
  const target = {
    api,
    address,
    tls: readTls(options, isHttp),
    apiKey: options.apiKey,
    modelId: options.modelId ?? "model",
  };
  return options.modelId === undefined && api === "openai"
    ? { ...target, modelId: await firstModelId(target) }
    : target;
}

/** An HTTP target's URL says whether it speaks TLS; the options then only say how. */
function readTls({ tls, ca, cert, key, insecure }: LoadOptions, isHttp: boolean): TlsOptions | undefined {
  if ((cert === undefined) !== (key === undefined)) throw new ConfigurationError("--cert and --key need each other");
  const isTls = tls === true || insecure === true || ca !== undefined || cert !== undefined;
  if (!isTls && !isHttp) return undefined;
  return {
    ca: readPem("--ca", ca),
    cert: readPem("--cert", cert),
    key: readPem("--key", key),
    isInsecure: insecure === true,
  };
}

function readPem(flag: string, file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigurationError(`${flag} must name a file that can be read: ${why}`, { cause });
  }
}

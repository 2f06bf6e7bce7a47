/** Set-up for tests of the watch: a store that runs here, and what it holds. */
import { createHash } from "node:crypto";
import { onTestFinished } from "vitest";
import { fetchModel } from "../../../../src/model/source/fetch-model.js";
import type { CachedModel } from "../../../../src/model/source/fetch-entry.js";
import { RemoteError } from "../../../../src/model/source/remote-folder.js";
import { ModelWatch, type GivenUp } from "../../../../src/model/source/watch/model-watch.js";
import { WatchedFolder } from "../../../../src/model/source/watch/watched-folder.js";
import { never } from "../../../support/remote.js";
import { fast, startFetching, type Fetching } from "../fetching.js";

export interface Watching extends Pick<Fetching, "store"> {
  readonly watch: ModelWatch;
  readonly logged: string[];
  /** While it is set, the store does not answer. */
  outage: boolean;
  /** The digest of the next model, or the reason why there is none. */
  readonly next: () => Promise<string>;
  /** Called at the end of each look, with the number of looks so far. */
  onLook: (looks: number) => void;
}

/** A watch that looks without a pause. */
export async function startWatching(patienceMs = 60_000): Promise<Watching> {
  const { store, remote, cacheFolder } = await startFetching(Buffer.from("weights of the first model"));
  let looks = 0;
  const folder = new WatchedFolder({
    uri: remote.uri,
    list: async (signal) => {
      if (watching.outage) throw new RemoteError(`${remote.uri}: no answer`, true);
      return remote.list(signal);
    },
    read: (file, start, end, signal) => remote.read(file, start, end, signal),
  });
  const look = folder.look.bind(folder);
  folder.look = async (signal) => look(signal).finally(() => watching.onLook((looks += 1)));
  const logged: string[] = [];
  const watch = new ModelWatch(folder, {
    ...{ intervalMs: 0, patienceMs },
    log: { info: (text) => logged.push(`info ${text}`), warn: (text) => logged.push(`warn ${text}`) },
    fetch: async (from, signal) => {
      const model = await fetchModel(from, { cacheFolder, signal, internals: fast });
      onTestFinished(async () => model.release());
      return model;
    },
  });
  const next = async (): Promise<string> => describe(await watch.next(never));
  const watching: Watching = { store, watch, logged, outage: false, next, onLook: () => undefined };
  return watching;
}

function describe(found: CachedModel | GivenUp): string {
  return "digest" in found ? found.digest : found.reason;
}

/** The files of a checkpoint by these weights. */
export function filesOf(weights: string): Map<string, Buffer> {
  return new Map([
    ["config.json", Buffer.from('{"model_type": "gpt2"}')],
    ["tokenizer.json", Buffer.from("{}")],
    ["model.safetensors", Buffer.from(weights)],
  ]);
}

/** Replaces what has another content. */
export function upload({ store }: Pick<Watching, "store">, files: ReadonlyMap<string, Buffer | string>): void {
  for (const [path, content] of files) {
    const bytes = Buffer.from(content);
    store.put(path, bytes, `"${createHash("md5").update(bytes).digest("hex")}"`);
  }
}

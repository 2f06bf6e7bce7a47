/** Fetches a model in a process of its own, which tests start twice, or kill: ADDRESS CACHE_FOLDER. */
import { fetchModel } from "../../../src/model/source/fetch-model.js";
import { mebibyte } from "./fetching-sizes.js";
import { ServedFolder } from "./store-server.js";

const [, , address = "", cacheFolder = ""] = process.argv;
const model = await fetchModel(new ServedFolder(address), {
  cacheFolder,
  partBytes: mebibyte,
  concurrency: 2,
  signal: new AbortController().signal,
  internals: { timing: { beatMs: 20, staleMs: 300 } },
});
await model.committed;
process.stdout.write(model.folder);
await model.release();

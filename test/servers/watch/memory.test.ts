import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { microModel, startBucket } from "./models.js";
import { startWatchingServer } from "./server.js";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

test("the memory of a model that was swapped is given back to the system", async () => {
  const tiny = await microModel("models/tiny");
  const config = JSON.parse(String(tiny.get("config.json"))) as object;
  /** The same network under another digest. */
  const version = (number: number) =>
    new Map(tiny).set("config.json", Buffer.from(JSON.stringify({ ...config, version: number })));
  const bucket = await startBucket(tiny);
  const server = await startWatchingServer(bucket.uri);
  const residentAfter = async (number: number): Promise<number> => {
    bucket.upload(version(number));
    await server.untilLogged("the model before is out of memory", number);
    collectGarbage();
    return process.memoryUsage.rss();
  };
  const resident: number[] = [];
  for (const number of [1, 2, 3, 4, 5, 6, 7, 8, 9]) resident.push(await residentAfter(number));
  const [early, late] = [resident.slice(0, 3), resident.slice(-3)].map((bytes) => Math.min(...bytes));
  // Six models that leak are 12 MB each for their prepacked weights alone; buffers come and go by 20 MB.
  expect((late ?? NaN) - (early ?? NaN)).toBeLessThan(40 << 20);
}, 60_000);

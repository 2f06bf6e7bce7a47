import { expect, test } from "vitest";
import { engineWithin } from "../../src/assemble/load-engine.js";
import { loadOptions } from "../../src/config/load.js";
import { settings } from "../../src/config/settings.js";
import { ConfigurationError } from "../../src/errors.js";
import { loadModel, type Model } from "../../src/model/index.js";
import { OrtCallError, type Session } from "../../src/ort/index.js";
import { createLogger } from "../../src/telemetry/log.js";
import { fixture } from "../support/checkpoints.js";
import { onFakeDevice } from "../support/fake-device.js";

const { values } = loadOptions({ table: settings, args: ["--max-slots=2"] });
const log = createLogger({ level: "off", format: "json" });
const full = new OrtCallError("CreateTensorAsOrtValue", 6, "Failed to allocate memory for requested buffer of size 64");

/** The session as one on a device whose memory is full after the KV cache of micro-gpt2: 3 layers x 2 tensors. */
function fullAfterCache(session: Session): Session {
  let left = 6;
  const createTensor: Session["api"]["createTensor"] = (...args) => {
    if (left-- === 0) throw full;
    return session.api.createTensor(...args);
  };
  const api = Object.create(session.api, { createTensor: { value: createTensor } }) as Session["api"];
  return Object.create(onFakeDevice(session), { api: { value: api } }) as Session;
}

async function modelOn(device: Model["device"]): Promise<Model> {
  const options = { threads: 1, isSpinning: false, selection: "on-device" } as const;
  const model = await loadModel({ folder: fixture("micro-gpt2"), ...options });
  return { ...model, device, session: fullAfterCache(model.session) };
}

test("a device that is full when a step's memory is asked for is told with what lowers it", async () => {
  const model = await modelOn({ kind: "cuda", id: 0 });
  const start = (): unknown => engineWithin(model, values, [2 ** 30], log);
  expect(start).toThrow(
    new ConfigurationError(
      "the device has too little memory for logits and what else a step reads and writes (64 bytes were asked for): " +
        "lower --kv-memory or --max-slots, or raise --device-memory-share",
    ),
  );
});

test("what a CPU says of its memory stays what it is", async () => {
  const model = await modelOn({ kind: "cpu" });
  expect(() => engineWithin(model, values, [2 ** 30], log)).toThrow(full);
});

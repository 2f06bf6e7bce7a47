import {
  createEngine,
  type EngineOptions,
  type GenerationEvent,
  type RunningEngine,
  type TokenDetail,
  type UncheckedRequest,
} from "../../src/engine/index.js";
import type { Engine } from "../../src/engine/engine.js";
import { loadModel, type LoadOptions, type Model } from "../../src/model/index.js";
import type { Session } from "../../src/ort/index.js";

export interface TestEngine extends Disposable {
  readonly model: Model;
  readonly engine: RunningEngine["engine"];
}

const defaults: EngineOptions = {
  maxSlots: 4,
  maxSequenceLength: 0,
  kvMemoryBytes: 2 ** 30,
  memoryLimitBytes: 2 ** 33,
  maxNewTokens: 1024,
  maxConcurrentRequests: 512,
  prefillChunkTokens: 256,
  decodeSlowdown: 2,
  prefixCacheTokens: 4096,
  promptLookup: true,
  joinPrompts: true,
  includeStopSequenceByDefault: true,
  onFailure: (error) => console.error(error),
};

type TestModelOptions = Partial<
  Pick<LoadOptions, "threads" | "dtype" | "kvDtype" | "selection" | "isFloat16Forced">
> & {
  /** Puts another session in place of the model's, which stays its owner. */
  readonly session?: (session: Session) => Session;
};

/** A real engine over a checkpoint. */
export async function startTestEngine(
  folder: string,
  options: Partial<EngineOptions> & TestModelOptions = {},
): Promise<TestEngine> {
  const { threads = 2, dtype, kvDtype, selection, isFloat16Forced, session: other, ...engineOptions } = options;
  const loading = { folder, threads, isSpinning: false, dtype, kvDtype, selection, isFloat16Forced };
  const model = await loadModel(loading);
  const session = other === undefined ? model.session : other(model.session);
  const running = createEngine({ ...model, session }, { ...defaults, ...engineOptions });
  return {
    model,
    engine: running.engine,
    [Symbol.dispose]: () => {
      running.dispose();
      model[Symbol.dispose]();
    },
  };
}

/** What a client gets by joining a stream. */
export interface Completion {
  readonly text: string;
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly seed: bigint;
  readonly stopReason: string | undefined;
  readonly stopSequence: string | undefined;
  readonly tokens: readonly TokenDetail[];
  readonly prompt: readonly TokenDetail[];
}

const greedy = { method: "greedy" } as const;

export async function complete(
  engine: Pick<Engine, "generate">,
  asked: Partial<UncheckedRequest> & { readonly prompt: string },
  signal = new AbortController().signal,
): Promise<Completion> {
  return fold(engine.generate({ ...greedy, ...asked }, signal));
}

export async function fold(events: AsyncIterable<GenerationEvent>): Promise<Completion> {
  let completion: Completion = {
    text: "",
    promptTokens: 0,
    completionTokens: 0,
    seed: 0n,
    stopReason: undefined,
    stopSequence: undefined,
    tokens: [],
    prompt: [],
  };
  for await (const event of events) completion = added(completion, event);
  return completion;
}

function added(completion: Completion, event: GenerationEvent): Completion {
  switch (event.type) {
    case "started":
      return { ...completion, text: event.text, promptTokens: event.promptTokens, seed: event.seed };
    case "prompt":
      return { ...completion, prompt: event.tokens };
    case "tokens":
      return {
        ...completion,
        text: completion.text + event.text,
        tokens: [...completion.tokens, ...event.tokens],
        completionTokens: event.completionTokens,
        stopReason: event.stop?.reason,
        stopSequence: event.stop?.sequence,
      };
  }
}

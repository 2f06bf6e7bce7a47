import type { TextApiOptions } from "../text-model.js";

export interface TgiOptions extends TextApiOptions {
  /** Of the server. */
  readonly version: string;
  /** Generations waiting and running together. */
  readonly maxConcurrentRequests: number;
}

/** What clients may want to know before they ask, under TGI's names. */
export interface Info {
  readonly model_id: string;
  readonly model_sha: null;
  readonly model_dtype: "float32";
  readonly model_device_type: "cpu";
  readonly model_pipeline_tag: "text-generation";
  readonly max_concurrent_requests: number;
  readonly max_best_of: 1;
  readonly max_stop_sequences: number;
  /** The longest prompt. */
  readonly max_input_tokens: number;
  /** Prompt and completion together. */
  readonly max_total_tokens: number;
  readonly max_client_batch_size: 1;
  readonly router: "ortler";
  readonly version: string;
}

export function infoOf({ current, version, maxConcurrentRequests }: TgiOptions): Info {
  const { engine, model } = current();
  const { maxSequenceLength } = engine.limits;
  return {
    model_id: model.id,
    model_sha: null,
    model_dtype: "float32",
    model_device_type: "cpu",
    model_pipeline_tag: "text-generation",
    max_concurrent_requests: maxConcurrentRequests,
    max_best_of: 1,
    max_stop_sequences: 6,
    max_input_tokens: maxSequenceLength - 1,
    max_total_tokens: maxSequenceLength,
    max_client_batch_size: 1,
    router: "ortler",
    version,
  };
}

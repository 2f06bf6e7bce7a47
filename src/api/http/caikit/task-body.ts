/** The bodies of Caikit's tasks: their schemas, and what they say once they are read. */
import type { CaikitParameters } from "../../caikit/parameters.js";
import { boolean, integer, listOf, model, number, string, type ModelSchema, type Read } from "./schema.js";

/** What a task is asked for. Absent = not given. */
export interface TaskBody {
  readonly modelId: string | undefined;
  readonly inputs: string | undefined;
  readonly parameters: CaikitParameters;
}

/** In the order of the original, in which issues are listed. */
const parameterFields = {
  max_new_tokens: integer,
  min_new_tokens: integer,
  truncate_input_tokens: integer,
  decoding_method: string,
  top_k: integer,
  top_p: number,
  typical_p: number,
  temperature: number,
  repetition_penalty: number,
  max_time: number,
  exponential_decay_length_penalty: model("caikit_data_model.caikit_nlp.ExponentialDecayLengthPenalty", {
    start_index: integer,
    decay_factor: number,
  }),
  stop_sequences: listOf(string),
  seed: integer,
  preserve_input_text: boolean,
  input_tokens: boolean,
  generated_tokens: boolean,
  token_logprobs: boolean,
  token_ranks: boolean,
  include_stop_sequence: boolean,
};
type ParameterFields = Read<typeof parameterFields>;

/** A body with generation parameters; `request` is the name of the gRPC request that the original derives it from. */
function generationBody(request: string): ModelSchema<TaskBody> {
  const classes = `caikit.http.TextGenerationTask.${request}`;
  const schema = model(`${classes}HttpRequest`, {
    inputs: string,
    parameters: model(`${classes}Parameters`, parameterFields),
    model_id: string,
  });
  return { ...schema, read: (...value) => toBody(schema.read(...value)) };
}

export const unaryBody = generationBody("TextGenerationTaskRequest");
export const streamBody = generationBody("ServerStreamingTextGenerationTaskRequest");

const tokenizationModel = model("caikit.http.TokenizationTask.TokenizationTaskRequestHttpRequest", {
  inputs: string,
  model_id: string,
});
/** A body without parameters: they are refused like any unknown key. */
export const tokenizationBody: ModelSchema<TaskBody> = {
  ...tokenizationModel,
  read: (...value) => toBody(tokenizationModel.read(...value)),
};

interface BodyFields {
  readonly model_id?: string;
  readonly inputs?: string;
  readonly parameters?: ParameterFields;
}

function toBody(fields: BodyFields | null): TaskBody | null {
  if (fields === null) return null;
  return { modelId: fields.model_id, inputs: fields.inputs, parameters: toParameters(fields.parameters ?? {}) };
}

function toParameters(fields: ParameterFields): CaikitParameters {
  const penalty = fields.exponential_decay_length_penalty;
  return {
    maxNewTokens: fields.max_new_tokens,
    minNewTokens: fields.min_new_tokens,
    truncateInputTokens: fields.truncate_input_tokens,
    decodingMethod: fields.decoding_method,
    topK: fields.top_k,
    topP: fields.top_p,
    typicalP: fields.typical_p,
    temperature: fields.temperature,
    repetitionPenalty: fields.repetition_penalty,
    maxTime: fields.max_time,
    exponentialDecayLengthPenalty: penalty && {
      startIndex: penalty.start_index ?? 0n,
      decayFactor: penalty.decay_factor,
    },
    stopSequences: fields.stop_sequences ?? [],
    seed: fields.seed,
    preserveInputText: fields.preserve_input_text,
    inputTokens: fields.input_tokens,
    generatedTokens: fields.generated_tokens,
    tokenLogprobs: fields.token_logprobs,
    tokenRanks: fields.token_ranks,
    includeStopSequence: fields.include_stop_sequence,
  };
}

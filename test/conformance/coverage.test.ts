/** The tables leave nothing out: every field of every request, every stop reason that a client can meet. */
import { describe, expect, test } from "vitest";
import { chatCompletionSchema } from "../../src/api/http/openai/chat/chat-body.js";
import { completionSchema } from "../../src/api/http/openai/completion-body.js";
import { caikitMessages } from "./caikit-grpc/fields.js";
import type { Json } from "./json.js";
import { readRows } from "./table.js";
import { tgisMessages } from "./tgis/fields.js";

const reasons = ["MAX_TOKENS", "EOS_TOKEN", "TIME_LIMIT", "STOP_SEQUENCE", "TOKEN_LIMIT"];
const generation = Object.keys(caikitMessages["TextGenerationTaskRequest"] ?? {});

describe("tgis", () => {
  test("uses every field of every request, and has every stop reason", () => {
    const rows = readRows<Json>("tgis");
    const types = ["Parameters", "SamplingParameters", "StoppingCriteria", "ResponseOptions", "DecodingParameters"];
    const others = ["LengthPenalty", "BatchedGenerationRequest", "BatchedTokenizeRequest", "ModelInfoRequest"];
    const fields = [...types, ...others].flatMap((type) => Object.keys(tgisMessages[type] ?? {}));
    expect(missing(rows, fields)).toEqual([]);
    expect(missingReasons(rows, "stop_reason", reasons)).toEqual([]);
  });
});

describe("caikit-grpc", () => {
  test("uses every field of a request, and has every stop reason", () => {
    const rows = readRows<Json>("caikit-grpc");
    expect(missing(rows, generation)).toEqual([]);
    expect(missingReasons(rows, "finish_reason", reasons)).toEqual([]);
  });
});

describe("caikit-rest", () => {
  test("uses every parameter, and has every stop reason", () => {
    const rows = readRows<Json>("caikit-rest");
    expect(missing(rows, ["model_id", "inputs", ...generation.filter((name) => name !== "text")])).toEqual([]);
    expect(missingReasons(rows, "finish_reason", reasons)).toEqual([]);
  });
});

describe.each([
  ["openai", completionSchema],
  ["openai-chat", chatCompletionSchema],
])("%s", (name, schema) => {
  test("uses every field that the operation reads, and has every stop reason", () => {
    const rows = readRows<Json>(name);
    expect(missing(rows, Object.keys(schema["properties"] as Json))).toEqual([]);
    expect(missingReasons(rows, "finish_reason", ["length", "stop"])).toEqual([]);
  });
});

describe("tgi", () => {
  test("uses every parameter, and has every stop reason", () => {
    const rows = readRows<Json>("tgi");
    const sampling = "temperature top_k top_p typical_p do_sample seed repetition_penalty frequency_penalty";
    const others = "max_new_tokens stop truncate return_full_text details decoder_input_details top_n_tokens";
    const refused = "best_of watermark grammar adapter_id";
    expect(missing(rows, `${sampling} ${others} ${refused}`.split(" "))).toEqual([]);
    expect(missingReasons(rows, "finish_reason", ["length", "eos_token", "stop_sequence"])).toEqual([]);
  });
});

describe("open-inference", () => {
  test("uses every parameter, and has every stop reason", () => {
    const rows = readRows<Json>("open-inference");
    const sampling = "temperature top_k top_p typical_p seed repetition_penalty frequency_penalty presence_penalty";
    const others = "max_tokens min_tokens stop include_stop_sequence details";
    expect(missing(rows, `${sampling} ${others}`.split(" "))).toEqual([]);
    expect(missingReasons(rows, "finish_reason", ["length", "eos_token", "stop_sequence"])).toEqual([]);
  });
});

/** Those of the fields that no row's request has. */
function missing(rows: readonly Json[], fields: readonly string[]): string[] {
  const used = new Set(rows.flatMap(({ request, infer }) => [...namesIn(request), ...namesIn(infer)]));
  return fields.filter((name) => !used.has(name));
}

function namesIn(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, each]) => [name, ...namesIn(each)]);
}

/** Those of the reasons that no row's response tells. */
function missingReasons(rows: readonly Json[], field: string, expected: readonly string[]): string[] {
  const told = rows.flatMap(({ response }) => valuesOf(response, field));
  return expected.filter((reason) => !told.includes(reason));
}

/** What the fields of this name have, lists taken apart. */
function valuesOf(value: unknown, field: string): unknown[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, each]: [string, unknown]) => {
    if (name !== field) return valuesOf(each, field);
    return Array.isArray(each) ? (each as unknown[]) : [each];
  });
}

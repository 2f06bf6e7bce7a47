import { integer, listOf, object, optional, string } from "../../../src/api/fields.js";
import type { LoadRequest } from "../scenario/requests.js";
import { HttpConnection } from "./http.js";
import { TargetError, type Target, type TargetOptions } from "./target.js";

/** What is read of a part of the stream; `usage` comes with the last, or with each from servers that can do that. */
const part = object({
  choices: optional(listOf(object({ text: optional(string) }))),
  usage: optional(object({ prompt_tokens: integer(), completion_tokens: integer() })),
  error: optional(object({ message: optional(string), code: optional(string), type: optional(string) })),
});

/** `/v1/completions`: OpenAI, vLLM, llama.cpp's server, Ortler. */
export function connectOpenAi(options: TargetOptions): Target {
  const connection = new HttpConnection(options);
  return {
    close: () => connection.close(),
    generate: async (request, onTokens, signal) => {
      let usage: { readonly prompt_tokens: number; readonly completion_tokens: number } | undefined;
      await connection.stream(
        "/v1/completions",
        bodyOf(request, options.modelId),
        (data) => {
          if (data === "[DONE]") return;
          const { choices = [], usage: told, error } = part.read(JSON.parse(data), "");
          if (error !== undefined) throw new TargetError(error.code ?? error.type ?? "stream", error.message ?? data);
          usage = told ?? usage;
          const text = choices[0]?.text ?? "";
          if (text !== "") onTokens(told?.completion_tokens, text);
        },
        signal,
      );
      return { promptTokens: usage?.prompt_tokens, completionTokens: usage?.completion_tokens };
    },
  };
}

/**
 * OpenAI's API cannot ask for a least number of tokens. `ignore_eos` and `min_tokens` are vLLM's and llama.cpp's own
 * fields, `continuous_usage_stats` is vLLM's; who does not know them ignores them.
 */
function bodyOf({ prompt, maxNewTokens, sampling, seed }: LoadRequest, modelId: string): object {
  return {
    model: modelId,
    prompt,
    max_tokens: maxNewTokens,
    min_tokens: maxNewTokens,
    ignore_eos: true,
    stream: true,
    stream_options: { include_usage: true, continuous_usage_stats: true },
    ...(sampling === undefined
      ? { temperature: 0 }
      : { temperature: sampling.temperature, top_k: sampling.topK, top_p: sampling.topP, seed }),
  };
}

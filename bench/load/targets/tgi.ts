import { integer, object, optional, string } from "../../../src/api/fields.js";
import type { LoadRequest } from "../scenario/requests.js";
import { HttpConnection } from "./http.js";
import { TargetError, type Target, type TargetOptions } from "./target.js";

/** What is read of an event. Each tells of one token; the last one has the details too. */
const event = object({
  token: optional(object({ id: integer(), text: string })),
  details: optional(object({ generated_tokens: integer(), input_length: optional(integer()) })),
  error: optional(string),
  error_type: optional(string),
});

/** `/generate_stream` of Hugging Face's text-generation-inference. */
export function connectTgi(options: TargetOptions): Target {
  const connection = new HttpConnection(options);
  return {
    close: () => connection.close(),
    generate: async (request, onTokens, signal) => {
      let promptTokens: number | undefined;
      let completionTokens = 0;
      await connection.stream(
        "/generate_stream",
        bodyOf(request),
        (data) => {
          const { token, details, error, error_type: type } = event.read(JSON.parse(data), "");
          if (error !== undefined) throw new TargetError(type ?? "stream", error);
          if (token !== undefined) completionTokens += 1;
          if (details !== undefined) {
            completionTokens = details.generated_tokens;
            promptTokens = details.input_length;
          }
          if (token !== undefined) onTokens(completionTokens, token.text);
        },
        signal,
      );
      return { promptTokens, completionTokens };
    },
  };
}

/** TGI's API cannot ask for a least number of tokens. */
function bodyOf({ prompt, maxNewTokens, sampling, seed }: LoadRequest): object {
  return {
    inputs: prompt,
    parameters: {
      max_new_tokens: maxNewTokens,
      details: true,
      do_sample: sampling !== undefined,
      ...(sampling && { temperature: sampling.temperature, top_k: sampling.topK, top_p: sampling.topP, seed }),
    },
  };
}

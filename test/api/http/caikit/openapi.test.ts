import { afterAll, beforeAll, expect, test } from "vitest";
import { docsApi } from "../../../../src/api/http/docs/index.js";
import { startApis, type TestHttpServer } from "../../../support/http.js";

/** The parts of an OpenAPI document that the contract's client reads. */
interface Described {
  readonly type?: string;
  readonly allOf?: readonly [{ readonly $ref: string }];
  readonly properties?: Readonly<Record<string, Described>>;
}
interface Document {
  readonly paths: Readonly<
    Record<string, { post: { requestBody: { content: { "application/json": { schema: Described } } } } }>
  >;
  readonly components: { readonly schemas: Readonly<Record<string, Described>> };
}

let server: TestHttpServer;
let document: Document;
beforeAll(async () => {
  server = await startApis(() => docsApi({ version: "1.2", modelId: "micro-gpt2", needsKey: false }));
  const { body } = await server.call({ method: "GET", path: "/openapi.json" });
  document = JSON.parse(body) as Document;
});
afterAll(() => server.forceStop());

/** Names and types of a class's properties, behind `allOf` and its reference as nlp-client goes. */
function typesBehind(described: Described | undefined): unknown {
  const prefix = "#/components/schemas/";
  const reference = described?.allOf?.[0].$ref ?? "";
  expect(reference.startsWith(prefix)).toBe(true);
  const { properties = {} } = document.components.schemas[reference.slice(prefix.length)] ?? {};
  return Object.fromEntries(Object.entries(properties).map(([name, each]) => [name, each.type ?? typesBehind(each)]));
}

test.each(["text-generation", "server-streaming-text-generation"])(
  "a client that follows the references finds the parameters of %s and their types",
  (task) => {
    const { schema } = document.paths[`/api/v1/task/${task}`]?.post.requestBody.content["application/json"] ?? {};
    expect(typesBehind(schema?.properties?.["parameters"])).toEqual({
      max_new_tokens: "integer",
      min_new_tokens: "integer",
      truncate_input_tokens: "integer",
      decoding_method: "string",
      top_k: "integer",
      top_p: "number",
      typical_p: "number",
      temperature: "number",
      repetition_penalty: "number",
      max_time: "number",
      exponential_decay_length_penalty: { start_index: "integer", decay_factor: "number" },
      stop_sequences: "array",
      seed: "integer",
      preserve_input_text: "boolean",
      input_tokens: "boolean",
      generated_tokens: "boolean",
      token_logprobs: "boolean",
      token_ranks: "boolean",
      include_stop_sequence: "boolean",
    });
  },
);

test("the document has the contract's head, and classes under the original's names that take no other keys", () => {
  expect(document).toMatchObject({ openapi: "3.1.0", info: { title: "CaikitNlp", version: "1.2" } });
  expect(document.components.schemas).toMatchObject({
    TextGenerationTaskRequestParameters: { type: "object", additionalProperties: false },
    ExponentialDecayLengthPenalty: { type: "object", additionalProperties: false },
  });
});

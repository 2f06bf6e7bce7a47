/** The OpenAPI document of every HTTP API: its requests are the schemas that validate them. */
import { caikitSection } from "./caikit.js";
import { openAiSection } from "./openai.js";
import { openInferenceSection } from "./open-inference.js";
import { json, ref, type Operation, type Section } from "./operation.js";
import { tgiSection } from "./tgi.js";

export interface DocumentOptions {
  /** Of the server. */
  readonly version: string;
  /** Of the served model. */
  readonly modelId: string;
  /** Whether requests have to show an API key. */
  readonly needsKey: boolean;
}

/** The original's: clients of the contract may look for it. */
const title = "CaikitNlp";

/** The document as JSON. */
export function openApiJson({ version, modelId, needsKey }: DocumentOptions): string {
  const sections = [caikitSection(modelId), openAiSection(modelId), tgiSection, openInferenceSection(modelId)];
  return JSON.stringify({
    openapi: "3.1.0",
    info: { title, version, summary: `Ortler, serving the model ${modelId}`, description },
    servers: [{ url: "/", description: "This server" }],
    tags: sections.map(({ name, description }) => ({ name, description })),
    paths: Object.fromEntries(sections.flatMap((section) => pathsOf(section, needsKey))),
    components: {
      schemas: Object.fromEntries(sections.flatMap(({ schemas }) => Object.entries(schemas))),
      ...(needsKey && { securitySchemes }),
    },
    ...(needsKey && { security: [{ apiKey: [] }] }),
  });
}

const description =
  "Each API is a translation to the same engine: a greedy request has the same text through all of them. Requests are " +
  "described by the very schemas that validate them. Over gRPC, reflection describes the services.";

const securitySchemes = {
  apiKey: { type: "http", scheme: "bearer", description: "One of the server's API keys." },
};

/** What the server itself answers is added to each operation. */
function pathsOf({ name, paths, refusal }: Section, needsKey: boolean): [path: string, item: object][] {
  const shuttingDown = json("The server is shutting down.", ref(refusal));
  const noKey = json("The API key is missing or wrong.", ref(refusal));
  const completed = (operation: Operation): object => {
    const isGuarded = needsKey && operation.security === undefined;
    const responses = { ...(isGuarded && { 401: noKey }), 503: shuttingDown, ...operation.responses };
    return { tags: [name], ...operation, responses };
  };
  return Object.entries(paths).map(([path, { get, post, ...shared }]) => [
    path,
    { ...shared, ...(get && { get: completed(get) }), ...(post && { post: completed(post) }) },
  ]);
}

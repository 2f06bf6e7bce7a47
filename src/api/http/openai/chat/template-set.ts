import type { ChatTemplate } from "../../../../model/index.js";
import type { Logger } from "../../../log.js";
import { invalid } from "../errors.js";
import { CompiledTemplate, TemplateRefusal } from "./compiled-template.js";

/** Why a template cannot be used. */
interface BrokenTemplate {
  readonly reason: string;
}

/** Rendered at load: what any template for conversations can be asked to do. */
const probe = [
  { role: "user", content: "Hello" },
  { role: "assistant", content: "Hello" },
  { role: "user", content: "Hello" },
];

/** The templates of one model, each tried once. A broken one is kept with its reason, which whoever asks for it is told. */
export class TemplateSet {
  readonly #templates = new Map<string, CompiledTemplate | BrokenTemplate>();

  constructor(
    private readonly modelId: string,
    { sources, specialTokens }: ChatTemplate,
    log: Logger,
  ) {
    for (const [name, source] of sources) {
      const template = tried(source, specialTokens);
      if ("reason" in template) log.warn("a chat template does not work", { name, reason: template.reason });
      this.#templates.set(name, template);
    }
  }

  /**
   * The template that is named, else the one for tools if there are any and it is there, else the default one.
   * @throws {OpenAiError} when there is none of this name, or it is broken.
   */
  choose(name: string | undefined, hasTools: boolean): CompiledTemplate {
    const template = this.#templates.get(
      name ?? (hasTools && this.#templates.has("tool_use") ? "tool_use" : "default"),
    );
    if (template === undefined) throw invalid("chat_template", this.#unknown(name));
    if (template instanceof CompiledTemplate) return template;
    throw invalid(
      "messages",
      `The chat template of the model \`${this.modelId}\` does not work (${template.reason}): ` +
        "send the whole prompt to /v1/completions",
    );
  }

  #unknown(name: string | undefined): string {
    const names = [...this.#templates.keys()].join(", ");
    if (name === undefined) return `chat_template is missing: the model has no default one, only ${names}`;
    // One that came with a request would be a program of the client's, run on the event loop of all.
    return `chat_template must be the name of one of the model's own (${names}): requests cannot bring one`;
  }
}

function tried(source: string, specialTokens: ChatTemplate["specialTokens"]): CompiledTemplate | BrokenTemplate {
  try {
    const template = new CompiledTemplate(source);
    tryOn(template, { ...specialTokens, messages: probe, tools: null, documents: null, add_generation_prompt: true });
    return template;
  } catch (error) {
    return { reason: error instanceof Error ? error.message : String(error) };
  }
}

/** One that refuses the probe works, and wants another conversation. */
function tryOn(template: CompiledTemplate, variables: Readonly<Record<string, unknown>>): void {
  try {
    template.render(variables);
  } catch (error) {
    if (!(error instanceof TemplateRefusal)) throw error;
  }
}

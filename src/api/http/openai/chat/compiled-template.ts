/**
 * Runs chat templates as transformers runs them (utils/chat_template_utils.py). Imports the template engine: to be
 * imported where there is a template only.
 */
import { createContext, Script } from "node:vm";
import { Environment, Interpreter, Template, type Program } from "@huggingface/jinja";
import { strftime } from "./strftime.js";

/**
 * A template runs on the event loop, on which everybody else waits. Rendering takes well under a millisecond; a
 * template that takes longer than this is broken, or was given a conversation that is made to keep it busy.
 */
const maxRenderMs = 500;

/** Of Jinja's sandbox, in which transformers runs templates. */
const maxRange = 100_000;

/** A template refused the conversation, in its own words. */
export class TemplateRefusal extends Error {
  override readonly name = "TemplateRefusal";
}

/** A template that can be rendered any number of times. */
export class CompiledTemplate {
  readonly #program: Program;

  /** @throws {Error} when `source` is no Jinja, or has something that is not supported. */
  constructor(readonly source: string) {
    this.#program = new Template(withoutGenerationBlocks(source)).parsed;
  }

  /**
   * @param variables JSON values.
   * @throws {TemplateRefusal} when the template calls `raise_exception`.
   * @throws {Error} when it fails, or takes too long.
   */
  render(variables: Readonly<Record<string, unknown>>): string {
    return withinTime(() => {
      const environment = new Environment(globals());
      for (const [name, value] of Object.entries(variables)) environment.set(name, value);
      return new Interpreter(environment).run(this.#program).value;
    });
  }
}

/** Blocks that mark what the model is to be trained on stand for what is in them. */
function withoutGenerationBlocks(source: string): string {
  const opened = source.replace(/(\{%[-+]?\s*)generation(\s*[-+]?%\})/g, "$1if true$2");
  return opened.replace(/(\{%[-+]?\s*)endgeneration(\s*[-+]?%\})/g, "$1endif$2");
}

function globals(): Environment {
  const environment = new Environment();
  const values = { true: true, True: true, false: false, False: false, none: null, None: null };
  const functions = { range, raise_exception: refuse, strftime_now: (format: string) => strftime(new Date(), format) };
  for (const [name, value] of Object.entries({ ...values, ...functions })) environment.set(name, value);
  return environment;
}

function refuse(message: unknown): never {
  throw new TemplateRefusal(String(message));
}

/** Python's, as a list. */
function range(first: number, second?: number, step = 1): number[] {
  const [start, stop] = second === undefined ? [0, first] : [first, second];
  if (step === 0) throw new Error("range() arg 3 must not be zero");
  const length = Math.max(0, Math.ceil((stop - start) / step));
  if (length > maxRange) throw new Error(`a range has at most ${maxRange} items, got ${length}`);
  return Array.from({ length }, (_, index) => start + index * step);
}

const script = new Script("run()");
const context = createContext({});

/** V8 ends a script that runs out of time wherever it is, in the functions that it called as well. */
function withinTime(run: () => string): string {
  try {
    context["run"] = run;
    return String(script.runInContext(context, { timeout: maxRenderMs }));
  } catch (error) {
    if (!isTimeout(error)) throw error;
    throw new Error(`it takes longer than ${maxRenderMs} ms`, { cause: error });
  } finally {
    delete context["run"];
  }
}

/** It comes from the script's own realm, whose `Error` is another one. */
function isTimeout(error: unknown): boolean {
  return (
    typeof error === "object" && error !== null && "code" in error && error.code === "ERR_SCRIPT_EXECUTION_TIMEOUT"
  );
}

/**
 * The part of `@huggingface/jinja` 0.5 that we use. Its own declarations import each other without file extensions,
 * which TypeScript does not resolve for ES modules: every type would silently become `any`.
 */
declare module "@huggingface/jinja" {
  export interface Program {
    readonly type: "Program";
  }

  /** Reads a template with `trim_blocks` and `lstrip_blocks`, as transformers does. */
  export class Template {
    readonly parsed: Program;

    /** @throws {Error} when the source is no template. */
    constructor(source: string);
  }

  /** Variables. What is not found in it is looked up in its parent. */
  export class Environment {
    constructor(parent?: Environment);

    /**
     * Takes JSON values, undefined, and functions of them.
     * @throws {Error} when this environment has the variable already.
     */
    set(name: string, value: unknown): unknown;
  }

  export class Interpreter {
    constructor(environment: Environment);

    run(program: Program): { readonly value: string };
  }
}

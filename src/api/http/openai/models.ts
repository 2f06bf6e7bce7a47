import type { ChatTemplate, Tokenizer } from "../../../model/index.js";
import type { Current } from "../../current.js";
import type { TextApiOptions, TextModel, TextServing } from "../text-model.js";
import type { ChatPrompts } from "./chat/prompts.js";
import { OpenAiError } from "./errors.js";

type TextTokenizer = TextModel["tokenizer"];

/** A model that takes part in conversations. */
export type ChatModel = Pick<TextModel, "id"> & {
  readonly tokenizer: TextTokenizer & Pick<Tokenizer, "encode"> & { readonly chatTemplate: ChatTemplate };
};

/** A model that may have a chat template. */
export type OpenAiModel = Pick<TextModel, "id"> & {
  readonly tokenizer: TextTokenizer & Partial<Pick<Tokenizer, "encode" | "chatTemplate">>;
};

/** What one answer is made with. */
export interface OpenAiServing extends TextServing {
  readonly model: OpenAiModel;
  /** Of `openChatPrompts`; undefined when the model has no chat template. */
  readonly chatPrompts?: ChatPrompts | undefined;
  /** When the model was loaded; by default when its server was. Milliseconds since 1970. */
  readonly loadedAtMs?: number;
}

export interface OpenAiOptions extends TextApiOptions {
  readonly current: Current<OpenAiServing>;
  /** Changes when the same request and seed may give another answer; answers have none while it is undefined. */
  readonly fingerprint?: (() => string | undefined) | undefined;
  /** Whether a request has to name the served model, or none; else any name will do. */
  readonly strictModelNames?: boolean;
}

export interface ModelObject {
  readonly id: string;
  readonly object: "model";
  /** Seconds since 1970: when it was loaded. */
  readonly created: number;
  readonly owned_by: string;
  /** Prompt and completion tokens together. */
  readonly max_model_len: number;
}

const startedAtMs = Date.now();

export function modelObject({ engine, model, loadedAtMs = startedAtMs }: OpenAiServing): ModelObject {
  const created = Math.floor(loadedAtMs / 1000);
  return { id: model.id, object: "model", created, owned_by: "ortler", max_model_len: engine.limits.maxSequenceLength };
}

/**
 * @param name absent = the served model.
 * @throws {OpenAiError} 404 when another model is asked for.
 */
export function checkModel(name: string | undefined, { current, strictModelNames = true }: OpenAiOptions): void {
  if (strictModelNames && name !== undefined) requireServed(name, current().model.id);
}

/** @throws {OpenAiError} 404 when it is not the served model's name. */
export function requireServed(name: string, served: string): void {
  if (name === served) return;
  const message = `The model \`${name}\` does not exist: this server has \`${served}\``;
  throw new OpenAiError(404, "invalid_request_error", message, { param: "model", code: "model_not_found" });
}

export function isChatModel(model: OpenAiModel): model is ChatModel {
  return model.tokenizer.chatTemplate !== undefined && model.tokenizer.encode !== undefined;
}

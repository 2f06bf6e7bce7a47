import type { ChatTemplate, Tokenizer } from "../../../model/index.js";
import type { TextApiOptions, TextModel } from "../text-model.js";
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

export interface OpenAiOptions extends TextApiOptions {
  readonly model: OpenAiModel;
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

export function modelObject({ engine, model }: OpenAiOptions): ModelObject {
  const created = Math.floor(Date.now() / 1000);
  return { id: model.id, object: "model", created, owned_by: "ortler", max_model_len: engine.limits.maxSequenceLength };
}

/**
 * @param name absent = the served model.
 * @throws {OpenAiError} 404 when another model is asked for.
 */
export function checkModel(name: string | undefined, { model, strictModelNames = true }: OpenAiOptions): void {
  if (strictModelNames && name !== undefined) requireServed(name, model.id);
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

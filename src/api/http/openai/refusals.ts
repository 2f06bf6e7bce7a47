import type { Refusal } from "../api.js";
import type { ErrorBody } from "./errors.js";

/** Types and codes by which OpenAI's clients tell what happened. */
const kinds: Readonly<Record<number, { readonly type: string; readonly code: string | null }>> = {
  401: { type: "invalid_request_error", code: "invalid_api_key" },
  503: { type: "service_unavailable_error", code: null },
};

/** What the server refuses before this API sees it, as OpenAI's clients read it. */
export function wordRefusal({ status, message }: Refusal): ErrorBody {
  const { type, code } = kinds[status] ?? { type: "invalid_request_error", code: null };
  return { error: { message, type, param: null, code } };
}

/** Calls of OpenAI's API: `/chat/completions`, whole and streamed. */
import { jsonCases, type JsonRow } from "../http/json-cases.js";
import { faultsOf, type Case, type Rule } from "../table.js";
import { joinLists, openAiFormOf, type ChoiceHead } from "./answers.js";

interface Choice extends ChoiceHead {
  readonly delta: { readonly role?: string; readonly content?: string };
  readonly logprobs: Readonly<Record<string, readonly unknown[] | null>> | null;
}

export function chatCases(rows: readonly (Omit<JsonRow, "path"> & { readonly path?: string })[]): Case[] {
  return jsonCases(
    rows.map((row) => ({ path: "/v1/chat/completions", ...row })),
    chatForm,
  );
}

/** Who speaks, then what is said, then why it ends. */
const chatForm = openAiFormOf<Choice>({
  whole: "chat.completion",
  part: "chat.completion.chunk",
  idPrefix: "chatcmpl",
  join: (parts) => {
    const [first, ...others] = parts;
    const last = others.at(-1);
    const rules: Rule[] = [
      [first?.delta.content === "", "the first part has content"],
      [others.every(({ delta }) => delta.role === undefined), "a later part has a role"],
      [last !== undefined && Object.keys(last.delta).length === 0, "the last part has a delta"],
    ];
    const content = parts.map(({ delta }) => delta.content ?? "").join("");
    const message = { role: first?.delta.role, content, refusal: null };
    return {
      response: { message, logprobs: joinLists(parts.map(({ logprobs }) => logprobs)) },
      faults: faultsOf(rules),
    };
  },
});

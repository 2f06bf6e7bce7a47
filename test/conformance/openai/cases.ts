/** Calls of OpenAI's API: `/completions`, whole and streamed, and the list of models. */
import { jsonCases, type JsonRow } from "../http/json-cases.js";
import type { Case } from "../table.js";
import { joinLists, openAiFormOf, type ChoiceHead } from "./answers.js";

interface Choice extends ChoiceHead {
  readonly text: string;
  readonly logprobs: Readonly<Record<string, readonly unknown[]>> | null;
}

export function openAiCases(rows: readonly (Omit<JsonRow, "path"> & { readonly path?: string })[]): Case[] {
  return jsonCases(
    rows.map((row) => ({ path: "/v1/completions", ...row })),
    openAiForm,
  );
}

export const openAiForm = openAiFormOf<Choice>({
  whole: "text_completion",
  part: "text_completion",
  idPrefix: "cmpl",
  join: (parts) => {
    const text = parts.map((part) => part.text).join("");
    return { response: { text, logprobs: joinLists(parts.map(({ logprobs }) => logprobs)) }, faults: [] };
  },
});

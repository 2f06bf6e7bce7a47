import type { Comparison, PrecisionCost } from "./compare.js";

const columns = ["weights", "KV cache", "weights, MiB", "perplexity", "change", "max diff", "mean diff", "same best"];

/** The comparison for people: what was run, then a line for each precision. */
export function renderComparison(comparison: Comparison, textName: string): string {
  const { folder, tokens, windowTokens, strideTokens, comparedTokens, scoredTokens, precisions } = comparison;
  const reference = precisions[0]?.perplexity ?? NaN;
  const rows = [columns, ...precisions.map((cost) => renderCost(cost, reference))];
  const compared = comparedTokens < scoredTokens ? `; logits of the first ${comparedTokens} compared` : "";
  return [
    `${folder} on ${textName}: ${tokens} tokens, in windows of ${windowTokens} by strides of ${strideTokens}${compared}`,
    ...alignColumns(rows),
  ].join("\n");
}

function renderCost(
  { dtype, kvDtype, weightBytes, perplexity, difference }: PrecisionCost,
  reference: number,
): string[] {
  const facts = [dtype, kvDtype, (weightBytes / 2 ** 20).toFixed(1), perplexity.toFixed(3)];
  if (difference === undefined) return [...facts, "-", "-", "-", "-"];
  const change = 100 * (perplexity / reference - 1);
  return [
    ...facts,
    `${change < 0 ? "" : "+"}${change.toFixed(2)}%`,
    difference.max.toFixed(4),
    difference.mean.toFixed(4),
    `${(100 * difference.sameBest).toFixed(1)}%`,
  ];
}

/** Names to the left, numbers to the right. */
function alignColumns(rows: readonly (readonly string[])[]): string[] {
  const widths = columns.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join("  "),
  );
}

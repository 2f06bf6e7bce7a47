/** Tokens [start, end) of a text, run as one sequence. Those in [scoredFrom, end) are scored: predicted from the ones before. */
export interface Window {
  readonly start: number;
  readonly end: number;
  readonly scoredFrom: number;
}

/**
 * Windows over a text that is longer than a model's context. Each token but the first is scored in exactly one of them,
 * with at least `length - stride` tokens before it once the text is that far. The windows are those of
 * https://huggingface.co/docs/transformers/perplexity.
 *
 * @param tokens of the text, at least 2.
 * @param length of a window in tokens, at least 2.
 * @param stride from window to window in tokens, in [1, length): smaller is nearer to an unlimited context, and slower.
 */
export function slidingWindows(tokens: number, length: number, stride: number): Window[] {
  const windows: Window[] = [];
  let scoredFrom = 1; // nothing is before the first token
  for (let start = 0; scoredFrom < tokens; start += stride) {
    const end = Math.min(start + length, tokens);
    windows.push({ start, end, scoredFrom });
    scoredFrom = end;
  }
  return windows;
}

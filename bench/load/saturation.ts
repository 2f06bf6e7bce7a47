/** Rates up to this are tried: beyond, it is the client that is measured. */
const highestPerSecond = 10_000;

/**
 * The highest rate that meets an objective: doubles until one does not, or halves until one does, then bisects.
 *
 * @param meets whether the objective is met at that rate, in requests a second. Called for one rate after the other.
 * @param from the first rate to try.
 * @param precision ends the search once the rate is known within this share of it.
 * @returns undefined when even a thousandth of `from` is too much.
 */
export async function highestRate(
  meets: (perSecond: number) => Promise<boolean>,
  from: number,
  precision: number,
): Promise<number | undefined> {
  let low: number | undefined;
  let high: number | undefined;
  for (let rate = from; low === undefined || high === undefined; rate = low === undefined ? rate / 2 : rate * 2) {
    if (rate < from / 1000) return undefined;
    if (rate > highestPerSecond) return low;
    if (await meets(rate)) low = rate;
    else high = rate;
  }
  while (high - low > precision * high) {
    const middle = round((low + high) / 2);
    if (await meets(middle)) low = middle;
    else high = middle;
  }
  return low;
}

/** Four digits: no precision that can be asked for needs more. */
const round = (rate: number): number => Number(rate.toPrecision(4));

/**
 * What a model's logits lose on the token that really came: -ln of its probability, in nats.
 * @param logits [vocabulary]; summed in float64, from the highest, so that no exponential overflows.
 */
export function crossEntropy(logits: Float32Array, tokenId: number): number {
  let highest = -Infinity;
  for (const logit of logits) highest = Math.max(highest, logit);
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - highest);
  return highest + Math.log(sum) - (logits[tokenId] ?? NaN);
}

/**
 * Reads Prometheus' text format: the value of each name, summed over its label sets. What is no sample is skipped: it is
 * other servers' text, and the metrics of one do not decide whether the rest is measured.
 */
export function readExposition(text: string): Map<string, number> {
  const values = new Map<string, number>();
  for (const line of text.split("\n")) {
    const [, name, value] = /^([a-zA-Z_:][\w:]*)(?:\{.*\})?[ \t]+(\S+)/.exec(line) ?? [];
    const number = Number(value?.replace(/inf$/i, "Infinity"));
    if (name !== undefined && !Number.isNaN(number)) values.set(name, (values.get(name) ?? 0) + number);
  }
  return values;
}

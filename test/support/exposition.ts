/**
 * A strict reader of Prometheus' text format, version 0.0.4: what promtool would refuse is an error here. Rules:
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export interface Sample {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

export interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

const suffixes: Readonly<Record<string, readonly string[]>> = {
  counter: [""],
  gauge: [""],
  histogram: ["_bucket", "_sum", "_count"],
  summary: ["", "_sum", "_count"],
};

/** The families by name. Throws with the line that is wrong. */
export function parseExposition(text: string): ReadonlyMap<string, Family> {
  if (!text.endsWith("\n")) throw new Error("the last line has no end");
  const families = new Map<string, Family & { samples: Sample[] }>();
  const series = new Set<string>();
  let help: { readonly name: string; readonly text: string } | undefined;
  let family: (Family & { samples: Sample[] }) | undefined;
  for (const line of text.slice(0, -1).split("\n")) {
    if (line === "") continue;
    const [, kind, name = "", rest = ""] = /^# (HELP|TYPE) ([a-zA-Z_:][\w:]*) (.*)$/.exec(line) ?? [];
    if (kind === "HELP") {
      if (help !== undefined) throw new Error(`HELP of ${help.name} without a TYPE`);
      help = { name, text: unescape(rest, /[\\n]/) };
    } else if (kind === "TYPE") {
      if (help?.name !== name) throw new Error(`${line}: its HELP is not right before it`);
      if (families.has(name)) throw new Error(`${line}: a second time`);
      if (!(rest in suffixes)) throw new Error(`${line}: unknown type`);
      family = { name, type: rest, help: help.text, samples: [] };
      families.set(name, family);
      help = undefined;
    } else {
      const sample = parseSample(line);
      if (family === undefined || help !== undefined || !belongs(sample, family)) throw new Error(`${line}: no TYPE`);
      const id = `${sample.name} ${JSON.stringify([...sample.labels].sort())}`;
      if (series.has(id)) throw new Error(`${line}: a second time`);
      series.add(id);
      family.samples.push(sample);
    }
  }
  for (const each of families.values()) checkFamily(each);
  return families;
}

/** `Nan` is how prom-client spells it; Prometheus reads it in any case. */
function parseSample(line: string): Sample {
  const [, name = "", labels = "", value = ""] =
    /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? ([+-]?Inf|Na[nN]|[+-]?\d[\d.e+-]*)$/.exec(line) ?? [];
  if (name === "") throw new Error(`${line}: no sample`);
  return { name, labels: parseLabels(labels, line), value: Number(value.replace("Inf", "Infinity")) };
}

function parseLabels(text: string, line: string): Map<string, string> {
  const labels = new Map<string, string>();
  let rest = text;
  while (rest !== "") {
    const [all = "", name = "", value = ""] = /^([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"(?:,|$)/.exec(rest) ?? [];
    if (name === "" || labels.has(name)) throw new Error(`${line}: bad labels`);
    labels.set(name, unescape(value, /[\\n"]/));
    rest = rest.slice(all.length);
  }
  return labels;
}

function unescape(text: string, allowed: RegExp): string {
  return text.replace(/\\(.?)/g, (_, char: string) => {
    if (!allowed.test(char)) throw new Error(`${text}: \\${char} is no escape`);
    return char === "n" ? "\n" : char;
  });
}

function belongs({ name, labels }: Sample, family: Family): boolean {
  const isNamed = suffixes[family.type]?.some((suffix) => name === family.name + suffix) ?? false;
  const isQuantile = family.type === "summary" && name === family.name;
  return isNamed && labels.has("quantile") === isQuantile && labels.has("le") === name.endsWith("_bucket");
}

function checkFamily(family: Family): void {
  const { name, type, samples } = family;
  if (type === "counter" && samples.some(({ value }) => !(value >= 0))) throw new Error(`${name}: a negative counter`);
  if (type !== "histogram" && type !== "summary") return;
  for (const group of groupsOf(samples)) {
    const valueOf = (suffix: string) => group.find((sample) => sample.name === name + suffix)?.value;
    if (valueOf("_sum") === undefined || valueOf("_count") === undefined) throw new Error(`${name}: no sum or count`);
    if (type === "histogram") checkBuckets(name, group, valueOf("_count"));
  }
}

/** Samples that differ in `le` and `quantile` only. */
function groupsOf(samples: readonly Sample[]): Sample[][] {
  const groups = new Map<string, Sample[]>();
  for (const sample of samples) {
    const labels = [...sample.labels].filter(([label]) => label !== "le" && label !== "quantile").sort();
    const key = JSON.stringify(labels);
    groups.set(key, [...(groups.get(key) ?? []), sample]);
  }
  return [...groups.values()];
}

function checkBuckets(name: string, group: readonly Sample[], count: number | undefined): void {
  let [bound, total] = [-Infinity, 0];
  for (const { le, value } of bucketsOf(group)) {
    if (!(le > bound) || value < total) throw new Error(`${name}: its buckets are not cumulative`);
    [bound, total] = [le, value];
  }
  if (bound !== Infinity || total !== count) throw new Error(`${name}: its last bucket is not +Inf with the count`);
}

/** The buckets among samples, in their order. */
export function bucketsOf(samples: readonly Sample[]): { readonly le: number; readonly value: number }[] {
  return samples.flatMap(({ name, labels, value }) => {
    const le = labels.get("le");
    return name.endsWith("_bucket") && le !== undefined ? [{ le: Number(le.replace("Inf", "Infinity")), value }] : [];
  });
}

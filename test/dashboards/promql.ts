/**
 * What a PromQL query reads: enough of the language to find metric names and label names, by
 * https://prometheus.io/docs/prometheus/latest/querying/basics/. Whatever it does not know is an error.
 */
export interface Query {
  /** The metrics selected, each with the labels that its matchers name. */
  readonly selectors: readonly { readonly metric: string; readonly labels: readonly string[] }[];
  /** The labels to group by and to match on. */
  readonly groupingLabels: readonly string[];
}

const functions = new Set("changes deriv histogram_quantile last_over_time max rate resets sum".split(" "));
const operators = new Set(["and", "or", "unless"]);
const groupings = new Set(["by", "on", "group_left"]);
const tokens =
  /\s*(?:([a-zA-Z_:][\w:]*)|(\{[^}]*\})|(\[(?:\d+[smhd]|\$__rate_interval)\])|([\d.]+|==|[<>]=?|[-+*/,()]))/y;

/** @throws {Error} with the place where the query is wrong. */
export function parseQuery(text: string): Query {
  const words = wordsOf(text);
  const selectors: { metric: string; labels: string[] }[] = [];
  const groupingLabels: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const [word, next] = [words[at] ?? "", words[at + 1] ?? ""];
    if (groupings.has(word)) {
      const end = words.indexOf(")", at);
      groupingLabels.push(...words.slice(at + 2, end).filter((each) => each !== ","));
      at = end;
    } else if (functions.has(word)) {
      if (next !== "(" && next !== "by") throw new Error(`${text}: ${word} without arguments`);
    } else if (/^[a-zA-Z_:]/.test(word) && !operators.has(word)) {
      selectors.push({ metric: word, labels: next.startsWith("{") ? labelsOf(next) : [] });
    }
  }
  if (selectors.length === 0) throw new Error(`${text}: no metric`);
  return { selectors, groupingLabels };
}

/** Labels that Prometheus adds to what it scrapes. */
const targetLabels = ["namespace", "pod", "job", "instance"];

/** The metrics of a query that are not among `series`, and the labels in it that its metrics do not have. */
export function unknownNames(text: string, series: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const { selectors, groupingLabels } = parseQuery(text);
  const labelsOfMetric = (metric: string) => [...targetLabels, ...(series.get(metric) ?? [])];
  const known = new Set(selectors.flatMap(({ metric }) => labelsOfMetric(metric)));
  return [
    ...selectors.map(({ metric }) => metric).filter((metric) => !series.has(metric)),
    ...selectors.flatMap(({ metric, labels }) => labels.filter((label) => !labelsOfMetric(metric).includes(label))),
    ...groupingLabels.filter((label) => !known.has(label)),
  ];
}

function wordsOf(text: string): string[] {
  const words: string[] = [];
  let depth = 0;
  tokens.lastIndex = 0;
  while (tokens.lastIndex < text.trimEnd().length) {
    const from = tokens.lastIndex;
    const [word] = tokens.exec(text) ?? [];
    if (word === undefined) throw new Error(`${text}: ${text.slice(from)} is no PromQL`);
    words.push(word.trim());
    depth += Number(word.trim() === "(") - Number(word.trim() === ")");
    if (depth < 0) throw new Error(`${text}: a ) without its (`);
  }
  if (depth > 0) throw new Error(`${text}: a ( without its )`);
  return words;
}

function labelsOf(matchers: string): string[] {
  const inner = matchers.slice(1, -1);
  if (!/^(\w+(=~|!~|!=|=)"[^"]*"(,|$))+$/.test(inner)) throw new Error(`${matchers}: no matchers`);
  return [...inner.matchAll(/(\w+)(?:=~|!~|!=|=)"/g)].map(([, label = ""]) => label);
}

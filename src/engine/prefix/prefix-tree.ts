/** Rows whose tokens begin alike: all of `rows` begin with the same `length` tokens of what was looked for. */
export interface PrefixMatch {
  readonly length: number;
  /** At least one. */
  readonly rows: ReadonlySet<number>;
}

interface Node {
  /** What stands between the parent and this node; empty only at the root. */
  edge: readonly number[];
  /** By the first token of their edge. */
  children: Map<number, Node>;
  /** Those whose tokens lead to the end of `edge`, or beyond. */
  rows: Set<number>;
}

/**
 * A radix tree over the tokens of rows: finds those that share the longest prefix with a prompt, in time linear in
 * the prompt and whatever the number of rows (as SGLang's RadixAttention does, arXiv:2312.07104).
 */
export class PrefixTree {
  readonly #root: Node = { edge: [], children: new Map(), rows: new Set() };

  /** Adds a row that is not in the tree. */
  insert(row: number, tokens: readonly number[]): void {
    let node = this.#root;
    for (let depth = 0; depth < tokens.length; depth += node.edge.length) {
      node = childFor(node, tokens, depth);
      node.rows.add(row);
    }
  }

  /** Takes a row out; `tokens` are those that it was inserted with. */
  remove(row: number, tokens: readonly number[]): void {
    let node = this.#root;
    for (let depth = 0; depth < tokens.length; depth += node.edge.length) {
      const child = node.children.get(tokens[depth] ?? -1);
      if (child === undefined) return;
      child.rows.delete(row);
      if (child.rows.size === 0) node.children.delete(tokens[depth] ?? -1); // and with it all that is below
      node = child;
    }
  }

  /** The longest prefix of `tokens` that some row begins with; undefined when none has even the first token. */
  longestMatch(tokens: readonly number[]): PrefixMatch | undefined {
    let match: PrefixMatch | undefined;
    let node = this.#root;
    let depth = 0;
    while (depth < tokens.length) {
      const child = node.children.get(tokens[depth] ?? -1);
      if (child === undefined) break;
      const shared = sharedLength(child.edge, tokens, depth);
      depth += shared;
      match = { length: depth, rows: child.rows };
      if (shared < child.edge.length) break;
      node = child;
    }
    return match;
  }

  clear(): void {
    this.#root.children.clear();
  }
}

/** The child of `node` whose edge is wholly in `tokens` from `depth` on: found, made, or split off a longer edge. */
function childFor(node: Node, tokens: readonly number[], depth: number): Node {
  const first = tokens[depth] ?? -1;
  const child = node.children.get(first);
  if (child === undefined) {
    const leaf: Node = { edge: tokens.slice(depth), children: new Map(), rows: new Set() };
    node.children.set(first, leaf);
    return leaf;
  }
  const shared = sharedLength(child.edge, tokens, depth);
  if (shared === child.edge.length) return child;
  const upper: Node = { edge: child.edge.slice(0, shared), children: new Map(), rows: new Set(child.rows) };
  child.edge = child.edge.slice(shared);
  upper.children.set(child.edge[0] ?? -1, child);
  node.children.set(first, upper);
  return upper;
}

/** How many tokens of `edge` stand in `tokens` from `start` on. */
function sharedLength(edge: readonly number[], tokens: readonly number[], start: number): number {
  const most = Math.min(edge.length, tokens.length - start);
  let shared = 0;
  while (shared < most && edge[shared] === tokens[start + shared]) shared += 1;
  return shared;
}

/**
 * The likely tokens of each row of logits, found where the logits are: they need not leave a device.
 *
 * Every operator has a CUDA kernel in operator set 21 that needs no cuDNN, which the GPU image does without. Hence no
 * ArgMax, ReduceMax or ReduceLogSumExp (cuDNN, of all or of older releases), and no Equal or Pad, whose kernels are
 * registered for older operator sets only and would fall back to the CPU (ONNX Runtime, docs/OperatorKernels.md).
 */
import { elementTypes } from "../../ort/index.js";
import { candidateCount, io, type DecoderInputs, type DecoderShape } from "./decoder-io.js";
import type { GraphBuilder, Value } from "./graph-builder.js";

/**
 * Logits that one search goes over. The CUDA kernel of TopK gives each search one block of threads, which passes over
 * its numbers several times: a row of a whole vocabulary would wait for a single block. Some dozen side by side find
 * what is then searched once more; the two ways together are shortest near the root of 64 times V.
 */
const searchLength = 2048;

/** Some logits of each row and their tokens, float32 and int64 [R, n]. */
interface Candidates {
  readonly logits: Value;
  readonly tokens: Value;
}

/** @param logits float32 [R, V]. */
export function addSelection(graph: GraphBuilder, shape: DecoderShape, logits: Value): void {
  const count = candidateCount(shape);
  const top = addTopCandidates(graph, shape.vocabularySize, count, logits);
  graph.output(io.topTokens, "int64", ["rows", count]);
  graph.output(io.topLogits, "float32", ["rows", count]);
  const best = addBest(graph, shape, top);
  addLogSumExp(graph, logits, best);
}

/** What the next decode runs where each row goes on with its best token: no host need look at it in between. */
export function addNextInputs(graph: GraphBuilder, { positions, lastPositions }: DecoderInputs): void {
  const bytes = new Uint8Array(Int32Array.of(1).buffer);
  const one = graph.constant({ name: "one_position", elementType: "int32", shape: [], bytes });
  const token = graph.add("Cast", [{ name: io.bestToken }], { to: BigInt(elementTypes.int32.onnx) });
  graph.addNamed("Reshape", [token, graph.integers("row_of_one", [-1, 1])], [io.nextTokenIds]);
  graph.addNamed("Add", [positions, one], [io.nextPositions]);
  graph.addNamed("Add", [lastPositions, one], [io.nextLastPositions]);
  graph.output(io.nextTokenIds, "int32", ["rows", 1]);
  graph.output(io.nextPositions, "int32", ["batch", "tokens"]);
  graph.output(io.nextLastPositions, "int32", ["batch"]);
}

function addTopCandidates(graph: GraphBuilder, vocabularySize: number, count: number, logits: Value): Candidates {
  const top: Candidates = { logits: { name: io.topLogits }, tokens: { name: io.topTokens } };
  if (vocabularySize <= 2 * searchLength) {
    addTopK(graph, logits, count, top);
    return top;
  }
  const found = addCandidates(graph, vocabularySize, count, logits);
  const places: Value = { name: graph.fresh("places") };
  addTopK(graph, found.logits, count, { logits: top.logits, tokens: places });
  graph.addNamed("GatherElements", [found.tokens, places], [io.topTokens], { axis: 1n });
  return top;
}

/** The `count` highest logits of every `searchLength`, and of those that are left over: the highest of all are among them. */
function addCandidates(graph: GraphBuilder, vocabularySize: number, count: number, logits: Value): Candidates {
  const searches = Math.floor(vocabularySize / searchLength);
  const end = searches * searchLength;
  const searched = addSearches(graph, searches, count, slice(graph, logits, 0, end));
  if (end === vocabularySize) return searched;
  const rest = freshCandidates(graph);
  addTopK(graph, slice(graph, logits, end, vocabularySize), Math.min(count, vocabularySize - end), rest);
  const restTokens = graph.add("Add", [rest.tokens, graph.integers("rest_start", [end])]);
  return {
    logits: graph.add("Concat", [searched.logits, rest.logits], { axis: 1n }),
    tokens: graph.add("Concat", [searched.tokens, restTokens], { axis: 1n }),
  };
}

function addSearches(graph: GraphBuilder, searches: number, count: number, logits: Value): Candidates {
  const split = graph.add("Reshape", [logits, graph.integers("searches", [-1, searches, searchLength])]);
  const found = freshCandidates(graph);
  addTopK(graph, split, count, found);
  const starts = BigInt64Array.from({ length: searches }, (_, search) => BigInt(search * searchLength));
  const bytes = new Uint8Array(starts.buffer);
  const offsets = graph.constant({ name: "search_starts", elementType: "int64", shape: [searches, 1], bytes });
  const joined = graph.integers("searched", [-1, searches * count]);
  return {
    logits: graph.add("Reshape", [found.logits, joined]),
    tokens: graph.add("Reshape", [graph.add("Add", [found.tokens, offsets]), joined]),
  };
}

/** The highest logit of each row and the lowest of the tokens that have it, [R, 1]: TopK leaves their order open. */
function addBest(graph: GraphBuilder, shape: DecoderShape, top: Candidates): Candidates {
  const highest = slice(graph, top.logits, 0, 1);
  const isLower = graph.add("Less", [top.logits, highest]);
  const bytes = new Uint8Array(BigInt64Array.of(BigInt(shape.vocabularySize)).buffer);
  const beyond = graph.constant({ name: "vocabulary_size", elementType: "int64", shape: [], bytes });
  const tokens = graph.add("Where", [isLower, beyond, top.tokens]);
  const lowest: Value = { name: graph.fresh("lowest") };
  const outputs = [lowest.name, graph.fresh("place")];
  graph.addNamed("TopK", [tokens, graph.integers("count_1", [1])], outputs, { axis: -1n, largest: 0n });
  addVector(graph, lowest, io.bestToken, "int64");
  addVector(graph, highest, io.bestLogit, "float32");
  return { logits: highest, tokens: lowest };
}

/** The highest logit minus the log of its probability. */
function addLogSumExp(graph: GraphBuilder, logits: Value, best: Candidates): void {
  const logProbabilities = graph.add("LogSoftmax", [logits], { axis: -1n });
  const ofBest = graph.add("GatherElements", [logProbabilities, best.tokens], { axis: 1n });
  addVector(graph, graph.add("Sub", [best.logits, ofBest]), io.logSumExp, "float32");
}

/** `column` [R, 1] as the output `name` [R]. */
function addVector(graph: GraphBuilder, column: Value, name: string, type: "float32" | "int64"): void {
  graph.addNamed("Reshape", [column, graph.integers("vector", [-1])], [name]);
  graph.output(name, type, ["rows"]);
}

function addTopK(graph: GraphBuilder, logits: Value, count: number, found: Candidates): void {
  const outputs = [found.logits.name, found.tokens.name];
  graph.addNamed("TopK", [logits, graph.integers(`count_${count}`, [count])], outputs, { axis: -1n });
}

const freshCandidates = (graph: GraphBuilder): Candidates => ({
  logits: { name: graph.fresh("logits") },
  tokens: { name: graph.fresh("tokens") },
});

/** The columns [start, end). */
function slice(graph: GraphBuilder, x: Value, start: number, end: number): Value {
  const bound = (at: number): Value => graph.integers(`column_${at}`, [at]);
  return graph.add("Slice", [x, bound(start), bound(end), graph.integers("column_axis", [1])]);
}

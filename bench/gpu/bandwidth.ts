/** How fast a device moves its own memory. */
import { performance } from "node:perf_hooks";
import { GraphBuilder } from "../../src/model/graph/graph-builder.js";
import { Binding, Session, Tensor, type SessionOptions } from "../../src/ort/index.js";
import type { Bandwidth } from "../roofline/bandwidth.js";

/** Where sessions compute. */
export type Place = Pick<SessionOptions, "device" | "libraryPath" | "threads">;

const columns = 4096;
const runs = 20;

/**
 * The better of a copy within the device's memory, which reads and writes, and of a row times a matrix, which reads.
 * @param megabytes of the tensor that is copied, and multiplied by: far more than the caches hold.
 */
export async function measureDeviceBandwidth(place: Place, megabytes: number): Promise<Bandwidth> {
  const rows = Math.ceil((megabytes * 1e6) / (4 * columns));
  using session = await Session.create(productGraph(rows), { ...place, externalDataFolder: "", isSpinning: true });
  using matrix = deviceTensor(session, [rows, columns]);
  fillWithOnes(session, matrix);
  const copySeconds = await leastCopySeconds(session, matrix);
  return betterOf(matrix.byteLength, copySeconds, await leastProductSeconds(session, matrix));
}

/** @param bytes that were copied, and multiplied by. */
export function betterOf(bytes: number, copySeconds: number, productSeconds: number): Bandwidth {
  const copy = { bytesPerSecond: (2 * bytes) / copySeconds, operator: "copy" }; // read and written
  const product = { bytesPerSecond: bytes / productSeconds, operator: "MatMul of one row" };
  return product.bytesPerSecond > copy.bytesPerSecond ? product : copy;
}

function productGraph(rows: number): Uint8Array<ArrayBuffer> {
  const graph = new GraphBuilder("product");
  const inputs = [graph.input("row", "float32", [1, rows]), graph.input("matrix", "float32", [rows, columns])];
  graph.addNamed("MatMul", inputs, ["product"]);
  graph.output("product", "float32", [1, columns]);
  return graph.build();
}

async function leastCopySeconds(session: Session, from: Tensor): Promise<number> {
  using to = deviceTensor(session, from.shape);
  return await leastSeconds(() => {
    to.copyFrom(from);
    return Promise.resolve();
  }); // until then the tensor is held
}

async function leastProductSeconds(session: Session, matrix: Tensor): Promise<number> {
  const [rows = 0] = matrix.shape;
  using row = deviceTensor(session, [1, rows]);
  fillWithOnes(session, row);
  using product = deviceTensor(session, [1, columns]);
  using binding = new Binding(session).input("row", row).input("matrix", matrix).output("product", product);
  return await leastSeconds(async () => binding.run()); // until then the tensors are held
}

const deviceTensor = (session: Session, shape: readonly number[]): Tensor =>
  Tensor.allocate(session.api, session.device, "float32", shape);

/** Its first row from the host, then twice as much each time. Ones: a CPU may be slow with what memory happens to hold. */
function fillWithOnes(session: Session, tensor: Tensor): void {
  const [rows = 0, width = 0] = tensor.shape;
  const ones = new Float32Array(width).fill(1).buffer;
  using source = Tensor.over(session.api, session.cpu, "float32", [1, width], ones);
  using first = tensor.view([1, width]);
  first.copyFrom(source);
  for (let filled = 1; filled < rows; filled *= 2) {
    using next = tensor.view([Math.min(filled, rows - filled), width], filled * ones.byteLength);
    next.copyFrom(tensor);
  }
}

/** After one run that does not count. What disturbs a run only makes it longer. */
async function leastSeconds(action: () => Promise<unknown>): Promise<number> {
  let least = Infinity;
  for (let run = 0; run <= runs; run += 1) {
    const start = performance.now();
    await action();
    if (run > 0) least = Math.min(least, (performance.now() - start) / 1000);
  }
  return least;
}

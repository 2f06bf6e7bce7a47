import { GraphBuilder } from "../../src/model/graph/graph-builder.js";
import { Session } from "../../src/ort/index.js";

/** `y = x + x` over float32 [n, 4]. */
export async function doublingSession(): Promise<Session> {
  const graph = new GraphBuilder("double");
  const x = graph.input("x", "float32", ["n", 4]);
  graph.addNamed("Add", [x, x], ["y"]);
  graph.output("y", "float32", ["n", 4]);
  return Session.create(graph.build(), { externalDataFolder: ".", threads: 1, isSpinning: false });
}

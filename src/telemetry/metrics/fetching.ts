import { Gauge, Registry } from "prom-client";
import type { Progress } from "../progress/progress.js";
import { own } from "./own-definitions.js";

/** The metrics of a server that has no model yet: how far the way of the model is. */
export function fetchingExposition(progress: () => Progress | undefined): () => Promise<string> {
  const registry = new Registry();
  const gaugeOf = (definition: { readonly name: string; readonly help: string }): Gauge =>
    new Gauge({ name: definition.name, help: definition.help, registers: [registry] });
  const fetched = gaugeOf(own.fetchedBytes);
  const size = gaugeOf(own.fetchSize);
  return async () => {
    fetched.set(progress()?.bytesDone ?? 0);
    size.set(progress()?.bytesTotal ?? 0);
    return registry.metrics();
  };
}

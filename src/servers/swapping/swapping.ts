import type { Logger } from "../../telemetry/log.js";
import type { CurrentModel } from "../current-model.js";
import type { Refusal } from "./refusal.js";
import { Swapper, type SwapperParts } from "./swapper.js";

export interface Swapping {
  /** For whoever asks for health: which model answers, and which was refused last. */
  readonly detail: () => object;
  /** Looks for new models from now on. */
  readonly start: () => void;
  /** No new model from now on. */
  readonly stop: () => void;
}

export interface SwappingParts extends Omit<SwapperParts, "log"> {
  readonly log: Logger;
}

/** Swaps the current model once it is started. */
export function createSwapping(parts: SwappingParts): Swapping {
  const { current, log, onRefusal } = parts;
  const stopping = new AbortController();
  const tell = (refusal: Refusal): void => {
    const { digest, reason, message } = refusal;
    log.warn("a new model is refused; the one before goes on", { digest, reason, message });
    onRefusal(refusal);
  };
  const swapper = new Swapper({ ...parts, onRefusal: tell });
  return {
    detail: () => detailOf(current, swapper),
    start: () => void swapper.run(stopping.signal),
    stop: () => stopping.abort(),
  };
}

function detailOf(current: CurrentModel, { refused }: Swapper): object {
  const { model, digest } = current.get();
  return { model: { id: model.id, digest: digest.value }, ...(refused !== undefined && { refused }) };
}

/** How precisions are written on the command line. */
import type { ValueKind } from "../config/kinds.js";
import type { KvDtype } from "../model/index.js";
import { kvDtypes, weightDtypes, type WeightDtype } from "../model/precision/dtypes.js"; // by itself: it loads no native code

export interface AskedPrecision {
  readonly dtype: WeightDtype;
  /** `auto`: the one that belongs to the weights. */
  readonly kvDtype: KvDtype | "auto";
}

/** The first is what the others are compared with. */
export type AskedPrecisions = readonly [reference: AskedPrecision, ...others: AskedPrecision[]];

/** `float32,int8,float32:int8`: the weights', and behind a colon the KV cache's where it is not the one that belongs to them. */
export function precisionList(): ValueKind<AskedPrecisions> {
  return {
    placeholder: "DTYPE[:KV],...",
    rule: `a list of ${weightDtypes.join(", ")}, each with :${kvDtypes.join(" or :")} behind it for another KV cache than its own`,
    read: (texts) => {
      const names = (texts.at(-1) ?? "").toLowerCase().split(",");
      const [reference, ...others] = names.map((name) => readPrecision(name.trim()));
      const known = others.filter((precision) => precision !== undefined);
      return reference === undefined || known.length < others.length ? undefined : [reference, ...known];
    },
  };
}

function readPrecision(name: string): AskedPrecision | undefined {
  const [weights, cache, ...rest] = name.split(":");
  const dtype = weightDtypes.find((choice) => choice === weights);
  const kvDtype = cache === undefined ? "auto" : kvDtypes.find((choice) => choice === cache);
  return dtype === undefined || kvDtype === undefined || rest.length > 0 ? undefined : { dtype, kvDtype };
}

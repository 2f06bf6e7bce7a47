import { blockInt4, blockInt8 } from "./block-wise.js";
import type { SmallDtype } from "./dtypes.js";
import { rowWise } from "./row-wise.js";
import type { Scheme } from "./scheme.js";

export const schemes: Readonly<Record<SmallDtype, Scheme>> = {
  int8: rowWise,
  "int8-block": blockInt8,
  int4: blockInt4,
};

import { OrtlerError } from "../errors.js";

/** A call of ONNX Runtime's C API failed. Ours to fix, or the library's. */
export class OrtCallError extends OrtlerError {
  readonly kind = "internal";

  constructor(
    /** The C API's name for the function. */
    readonly call: string,
    /** `OrtErrorCode`. */
    readonly code: number,
    detail: string,
  ) {
    super(`${call} failed with status ${code}: ${detail}`);
  }
}

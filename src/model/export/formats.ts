/** What a model can be converted to. By itself: the command line reads it, and it loads no native code. */

export const exportFormats = ["safetensors", "onnx"] as const;
export type ExportFormat = (typeof exportFormats)[number];

/** How weights may be stored. */
export const exportDtypes = ["float32", "float16", "bfloat16"] as const;
export type ExportDtype = (typeof exportDtypes)[number];

/** optimum's names. */
export const onnxFileNames = { graph: "model.onnx", weights: "model.onnx_data" } as const;

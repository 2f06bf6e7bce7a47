/** ONNX Runtime's C API, typed. Nothing above this folder sees a pointer. */
export { Binding } from "./binding.js";
export { isOutOfMemory, outOfMemory } from "./cuda/out-of-memory.js";
export type { CudaChoice, Device, DeviceChoice } from "./device.js";
export { OrtCallError } from "./errors.js";
export { loadOrtLibrary } from "./library.js";
export { dropMappedPages } from "./mapped-files.js";
export { releaseFreedMemory } from "./memory.js";
export { resolveDevice, type ResolvedDevice } from "./resolve-device.js";
export { prepareSessions, Session, type GraphCapture, type SessionOptions } from "./session.js";
export { byteLengthOf, elementTypes, liveTensors, Tensor, type ElementType } from "./tensor.js";

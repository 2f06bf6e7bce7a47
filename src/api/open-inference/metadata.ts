/** What the server and its one model tell of themselves, and the words in which any other model is refused. */
import { inputMetadata, outputMetadata, type TensorMetadata } from "./tensors.js";

export interface ServerMetadata {
  readonly name: string;
  readonly version: string;
  readonly extensions: readonly string[];
}

export function serverMetadata(version: string): ServerMetadata {
  return { name: "ortler", version, extensions: ["generate"] };
}

export interface ModelMetadata {
  readonly name: string;
  readonly platform: string;
  readonly inputs: readonly TensorMetadata[];
  readonly outputs: readonly TensorMetadata[];
  /** The model's digest, once it is known. */
  readonly properties?: { readonly digest: string };
}

/** @param digest `sha256:...` over the model's files. */
export function modelMetadata(id: string, digest: string | undefined): ModelMetadata {
  const metadata = { name: id, platform: "onnxruntime", inputs: [inputMetadata], outputs: outputMetadata };
  return digest === undefined ? metadata : { ...metadata, properties: { digest } };
}

export function wordUnknownModel(asked: string, served: string): string {
  return `model "${asked}" is not found: this server has "${served}"`;
}

export function wordVersioned(version: string): string {
  return `model versions are not supported, got version "${version}"`;
}

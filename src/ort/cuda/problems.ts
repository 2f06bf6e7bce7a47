/** Everything that can be in the way of a GPU, each as one error that says what was found and what is wanted. */
import { ConfigurationError } from "../../errors.js";

/** Device memory at some moment, in bytes. */
export interface DeviceBytes {
  readonly free: number;
  readonly total: number;
}

export type CudaProblem =
  /** The library was built for the CPU alone. */
  | { readonly kind: "no-cuda-build"; readonly library: string; readonly version: string }
  | { readonly kind: "no-provider"; readonly library: string; readonly missing: string }
  | { readonly kind: "other-version"; readonly provider: string; readonly found: string; readonly version: string }
  /** A library that the provider links. */
  | { readonly kind: "missing-library"; readonly provider: string; readonly missing: string }
  | { readonly kind: "no-driver"; readonly detail: string }
  /** The driver is there and answers with an error. */
  | { readonly kind: "driver-failure"; readonly call: string; readonly code: number; readonly name: string }
  | { readonly kind: "no-device" }
  | { readonly kind: "no-such-device"; readonly id: number; readonly count: number }
  | {
      readonly kind: "out-of-memory";
      /** What the memory was for. */
      readonly purpose: string;
      /** Undefined when it is not known. */
      readonly bytes: number | undefined;
      readonly device: DeviceBytes | undefined;
      /** What would make it fit. */
      readonly remedy: string;
    };

export function cudaError(problem: CudaProblem, cause?: unknown): ConfigurationError {
  return new ConfigurationError(textOf(problem), { cause });
}

function textOf(problem: CudaProblem): string {
  switch (problem.kind) {
    case "no-cuda-build":
      return `ONNX Runtime ${problem.version} in ${problem.library} has no CUDA: --ort-library must name a CUDA build`;
    case "no-provider":
      return `${problem.missing} is not there: ONNX Runtime's CUDA provider must lie beside ${problem.library}`;
    case "other-version":
      return `${problem.provider} is of ONNX Runtime ${problem.found}, the library beside it of ${problem.version}: both must be of one release`;
    case "missing-library":
      return `${problem.provider} needs ${problem.missing}, which is not there: install it, or name its folder in LD_LIBRARY_PATH`;
    case "no-driver":
      return `NVIDIA's driver is not there (${problem.detail}): a GPU needs it on the node, and in the container by the NVIDIA container runtime`;
    case "driver-failure":
      return `NVIDIA's driver failed: ${problem.call} gave ${problem.code} (${problem.name})`;
    case "no-device":
      return "NVIDIA's driver shows no device to this process: give the container a GPU, or check CUDA_VISIBLE_DEVICES";
    case "no-such-device":
      return `there is no device cuda:${problem.id}: NVIDIA's driver shows ${problem.count}, numbered from 0`;
    case "out-of-memory":
      return `the device has too little memory for ${problem.purpose}${amounts(problem)}: ${problem.remedy}`;
  }
}

function amounts({ bytes, device }: Extract<CudaProblem, { kind: "out-of-memory" }>): string {
  const asked = bytes === undefined ? [] : [`${bytes} bytes were asked for`];
  const left = device === undefined ? [] : [`${device.free} of ${device.total} are free`];
  const facts = [...asked, ...left];
  return facts.length === 0 ? "" : ` (${facts.join(", ")})`;
}

import { create, toBinary } from "@bufbuild/protobuf";
import {
  DecodingMethod,
  GenerationResponseSchema,
  SingleGenerationRequestSchema,
} from "../../../src/api/grpc/generated/fmaas/generation_pb.js";
import type { LoadRequest } from "../scenario/requests.js";
import { GrpcConnection } from "./grpc.js";
import type { Target, TargetOptions } from "./target.js";

/** `fmaas.GenerationService/GenerateStream`: TGIS, vllm-tgis-adapter, Ortler. */
export function connectTgis(options: TargetOptions): Target {
  const connection = new GrpcConnection(options);
  return {
    close: () => connection.close(),
    generate: async (request, onTokens, signal) => {
      let promptTokens: number | undefined;
      let completionTokens = 0;
      const method = "/fmaas.GenerationService/GenerateStream";
      await connection.stream(
        method,
        encode(request, options.modelId),
        GenerationResponseSchema,
        (part) => {
          if (part.inputTokenCount > 0) promptTokens = part.inputTokenCount;
          if (part.generatedTokenCount === 0) return; // the first message tells of the prompt
          completionTokens = part.generatedTokenCount;
          onTokens(completionTokens, part.text);
        },
        signal,
      );
      return { promptTokens, completionTokens };
    },
  };
}

function encode({ prompt, maxNewTokens, sampling, seed }: LoadRequest, modelId: string): Uint8Array {
  const request = create(SingleGenerationRequestSchema, {
    modelId,
    request: { text: prompt },
    params: {
      method: sampling === undefined ? DecodingMethod.GREEDY : DecodingMethod.SAMPLE,
      ...(sampling && {
        sampling: {
          temperature: sampling.temperature,
          topK: sampling.topK ?? 0,
          topP: sampling.topP ?? 0,
          seed: BigInt(seed),
        },
      }),
      stopping: { maxNewTokens, minNewTokens: maxNewTokens }, // no end of text before
      response: { generatedTokens: true }, // a message for each token, also where its text is held back
    },
  });
  return toBinary(SingleGenerationRequestSchema, request);
}

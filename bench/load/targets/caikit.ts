import { create, toBinary } from "@bufbuild/protobuf";
import { ServerStreamingTextGenerationTaskRequestSchema } from "../../../src/api/grpc/generated/caikit/runtime/nlp_pb.js";
import { GeneratedTextStreamResultSchema } from "../../../src/api/grpc/generated/caikit_data_model/nlp_pb.js";
import type { LoadRequest } from "../scenario/requests.js";
import { GrpcConnection } from "./grpc.js";
import type { Target, TargetOptions } from "./target.js";

/** The streaming method of Caikit's NLP service. */
export function connectCaikit(options: TargetOptions): Target {
  const connection = new GrpcConnection(options);
  return {
    close: () => connection.close(),
    generate: async (request, onTokens, signal) => {
      let promptTokens: number | undefined;
      let completionTokens = 0;
      const method = "/caikit.runtime.Nlp.NlpService/ServerStreamingTextGenerationTaskPredict";
      await connection.stream(
        method,
        encode(request),
        GeneratedTextStreamResultSchema,
        ({ details, generatedText }) => {
          if (details === undefined) return;
          if (details.inputTokenCount > 0n) promptTokens = Number(details.inputTokenCount);
          if (details.generatedTokens === 0) return; // the first message tells of the prompt
          completionTokens = details.generatedTokens;
          onTokens(completionTokens, generatedText);
        },
        signal,
      );
      return { promptTokens, completionTokens };
    },
  };
}

function encode({ prompt, maxNewTokens, sampling, seed }: LoadRequest): Uint8Array {
  const request = create(ServerStreamingTextGenerationTaskRequestSchema, {
    text: prompt,
    maxNewTokens: BigInt(maxNewTokens),
    minNewTokens: BigInt(maxNewTokens), // no end of text before
    generatedTokens: true, // a message for each token, also where its text is held back
    ...(sampling && {
      decodingMethod: "SAMPLING",
      temperature: sampling.temperature,
      seed: BigInt(seed),
      ...(sampling.topK !== undefined && { topK: BigInt(sampling.topK) }),
      ...(sampling.topP !== undefined && { topP: sampling.topP }),
    }),
  });
  return toBinary(ServerStreamingTextGenerationTaskRequestSchema, request);
}

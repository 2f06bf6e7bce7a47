import * as v1 from "../generated/grpc/reflection/v1/reflection_pb.js";
import * as v1alpha from "../generated/grpc/reflection/v1alpha/reflection_pb.js";
import { implement, type Service } from "../service.js";
import { answerQuestion, type Answer, type Question, type ReflectionRequest } from "./answers.js";
import { DescriptorIndex } from "./descriptor-index.js";

/**
 * grpc.reflection v1alpha, which the original has, and v1, which newer clients try first.
 * @param listed the services that `list_services` names, besides reflection itself.
 * @param unlisted services that can be described although they are not listed.
 */
export function reflectionServices(listed: readonly Service[], unlisted: readonly Service[]): Service[] {
  const reflection = [v1.ServerReflection, v1alpha.ServerReflection];
  const listedDescriptors = [...listed.map(({ descriptor }) => descriptor), ...reflection];
  const index = new DescriptorIndex([...listedDescriptors, ...unlisted.map(({ descriptor }) => descriptor)]);
  const answer = (question: Question): Answer => answerQuestion(question, index, listedDescriptors);
  const options = { servesWhileDraining: true };
  return [
    implement(v1.ServerReflection, { serverReflectionInfo: (requests) => answerAll(requests, answer) }, options),
    implement(v1alpha.ServerReflection, { serverReflectionInfo: (requests) => answerAll(requests, answer) }, options),
  ];
}

/** The two versions differ in their package only. */
async function* answerAll<Request extends ReflectionRequest>(
  requests: AsyncIterable<Request>,
  answer: (question: Question) => Answer,
) {
  for await (const request of requests) {
    yield { validHost: request.host, originalRequest: request, messageResponse: answer(request.messageRequest) };
  }
}

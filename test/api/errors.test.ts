import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { FieldError } from "../../src/api/fields.js";
import { StatusError } from "../../src/api/errors.js";
import { InternalError, OverCapacityError } from "../../src/errors.js";

const refusals: (() => Error)[] = [
  () => new StatusError(status.INVALID_ARGUMENT, "refused"),
  () => new FieldError("top_k", "refused"),
  () => new OverCapacityError(1),
];

test.each(refusals)("what a client is told collects no stack, and a bug after it has one: %#", (refuse) => {
  expect(refuse().stack).not.toContain("\n    at ");
  expect(new InternalError("a bug").stack).toContain("\n    at ");
});

test.each(refusals)("what a client is told keeps its name and its message: %#", (refuse) => {
  const { name, message, stack } = refuse();
  expect(stack).toContain(message);
  expect([name, message]).toEqual([expect.stringMatching(/Error$/), expect.stringMatching(/^refused$|^too many/)]);
});

import { expect, test } from "vitest";
import { describeS3Error } from "../../../../src/model/source/stores/s3-errors.js";
import { readS3Settings } from "../../../../src/model/source/stores/s3-settings.js";
import { everythingOf } from "../../../support/remote.js";

const settings = readS3Settings({
  AWS_ACCESS_KEY_ID: "id",
  AWS_SECRET_ACCESS_KEY: "secret-key",
  AWS_SESSION_TOKEN: "secret-token",
});
const listing = { bucket: "models", key: undefined };

/** An error as the SDK throws it. */
function sdkError(name: string, status?: number, message = "no"): Error {
  return Object.assign(new Error(message), { name, $metadata: { httpStatusCode: status } });
}

test.each([
  ["CredentialsProviderError", undefined, "there are no credentials: set AWS_ACCESS_KEY_ID"],
  ["ExpiredToken", 400, "the session token has expired (AWS_SESSION_TOKEN)"],
  ["InvalidToken", 400, "the session token is not valid (AWS_SESSION_TOKEN)"],
  ["InvalidBucketName", 400, "models cannot be the name of a bucket"],
  ["TemporaryRedirect", 307, "the server sends elsewhere (TemporaryRedirect): check endpoint and region"],
  ["BadRequest", 400, "the server does not understand the request (BadRequest): is the endpoint right, http or https?"],
  ["NotImplemented", 501, "the server refuses (NotImplemented, status 501)"],
])("%s with status %s is for the operator: %s", (name, status, why) => {
  expect(describeS3Error(sdkError(name, status), settings, listing)).toMatchObject({
    name: "RemoteError",
    isTransient: false,
    message: expect.stringContaining(`s3://models/ at Amazon S3 (us-east-1): ${why}`) as string,
  });
});

test.each([
  ["TooManyRequests", 429],
  ["ServiceUnavailable", 503],
  ["RequestTimeout", 400],
  ["TimeoutError", undefined],
])("%s with status %s may work in a moment", (name, status) => {
  expect(describeS3Error(sdkError(name, status), settings, listing)).toMatchObject({ isTransient: true });
});

test("what a server or a library says of our secrets is taken out", () => {
  const error = Object.assign(sdkError("Odd", 418, "got secret-key and secret-token"), {
    StringToSign: "AWS4-HMAC-SHA256",
    $response: { headers: { authorization: "secret-key" } },
  });
  const described = describeS3Error(error, settings, listing);
  expect(described.cause).toEqual(new Error("Odd: got **** and ****"));
  expect(everythingOf(described)).not.toMatch(/secret-key|secret-token|StringToSign/);
});

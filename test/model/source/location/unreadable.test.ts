import { expect, test } from "vitest";
import { ConfigurationError } from "../../../../src/errors.js";
import { locateModel } from "../../../../src/model/source/location/locate-model.js";
import { unreadable } from "../../../../src/model/source/location/unreadable.js";

const failure = (code: string): Error => Object.assign(new Error(code), { code });
const user = `uid ${process.geteuid?.()}, gid ${process.getegid?.()}`;

test.each([
  ["EACCES", `/mnt/models cannot be read by ${user} (EACCES)`],
  ["EPERM", `/mnt/models cannot be read by ${user} (EPERM)`],
  ["EIO", "/mnt/models cannot be read (EIO)"],
])("%s of the model's folder is said as: %s", (code, message) => {
  expect(unreadable("/mnt/models", failure(code))).toEqual(new ConfigurationError(message));
});

test("a mount that cannot be read stops the start of those who would take their model from it, and of no others", () => {
  const forbidden = (path: string): never => {
    throw unreadable(path, failure("EACCES"));
  };
  const folders = { isFolder: () => true, hasEntries: forbidden };
  expect(() => locateModel({ setting: "", environment: {}, folders })).toThrow(ConfigurationError);
  expect(locateModel({ setting: "/models/gpt2", environment: {}, folders })?.source).toBe("--model");
});

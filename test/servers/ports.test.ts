import { expect, test } from "vitest";
import { loadOptions } from "../../src/config/load.js";
import { settings } from "../../src/config/settings.js";
import { planPorts } from "../../src/servers/ports.js";

/** Each planned port as `number content: names`. */
function plan(args: readonly string[], environment: Readonly<Record<string, string>> = {}): string[] {
  const { values } = loadOptions({ table: settings, args, environment });
  return planPorts(values).map(({ port, serves, names }) => `${port} ${serves}: ${names.join(" ")}`);
}

const defaults = ["8085 grpc: grpc", "8033 grpc: tgis", "8080 http: http", "3000 health: health"];
const everything = "grpc tgis http health";

test.each([
  ["without settings, each has the contract's port", [], defaults],
  ["what is switched off has none", ["--no-tgis", "--no-http", "--no-health"], ["8085 grpc: grpc"]],
  ["one port has everything", ["--port=9000"], [`9000 all: ${everything}`]],
  ["TGIS's launcher flags", ["--port=3000", "--grpc-port=8033"], ["3000 all: tgis http health", "8033 grpc: grpc"]],
  [
    "a port that is given is opened beside it",
    ["--port=1", "--health-port=2"],
    ["1 all: grpc tgis http", "2 health: health"],
  ],
  ["the one port, named twice", ["--port=3000", "--health-port=3000"], [`3000 all: ${everything}`]],
  ["what is switched off is not on the one port", ["--port=1", "--no-http"], ["1 all: grpc tgis health"]],
  ["two names for one gRPC port", ["--grpc-port=8033"], ["8033 grpc: grpc tgis", ...defaults.slice(2)]],
  [
    "0 is another free port each time",
    ["--grpc-port=0", "--tgis-port=0"],
    ["0 grpc: grpc", "0 grpc: tgis", ...defaults.slice(2)],
  ],
  [
    "a free port for everything, and another one",
    ["--port=0", "--http-port=0"],
    ["0 all: grpc tgis health", "0 http: http"],
  ],
])("%s: %j", (_, args, expected) => {
  expect(plan(args)).toEqual(expected);
});

test("a port of its own may also be given by the environment", () => {
  const environment = { ORTLER_PORT: "9000", GRPC_PORT: "8033" };
  expect(plan([], environment)).toEqual(["9000 all: grpc http health", "8033 grpc: tgis"]);
});

test("what Kubernetes sets for a Service named ortler is no port", () => {
  expect(plan([], { ORTLER_PORT: "tcp://10.0.0.7:8085" })).toEqual(defaults);
});

test.each([
  [["--http-port=8085"], "--grpc-port and --http-port are both 8085 but serve different things"],
  [["--health-port=8080"], "--http-port and --health-port are both 8080 but serve different things"],
  [
    ["--port=1", "--tgis-port=2", "--http-port=2"],
    "--tgis-port and --http-port are both 2 but serve different things; --port 2 serves everything on one port",
  ],
])("%j is refused, since the port would have to serve two things", (args, message) => {
  expect(() => plan(args)).toThrow(message);
});

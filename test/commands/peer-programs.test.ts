import { expect, test } from "vitest";
import { ortlerArguments } from "../../src/commands/peer-programs.js";

const rows: [program: string, args: string, becomes: string][] = [
  ["cli.js", "serve --port=1 --grpc-port=2", "serve --port=1 --grpc-port=2"],
  [
    "text-generation-launcher",
    "--model-name=/mnt/models/artifacts/",
    "serve --no-grpc --no-http --model-name=/mnt/models/artifacts/",
  ],
  [
    "text-generation-launcher",
    "--model-name=/mnt/models/ --port=3000 --grpc-port=8033",
    "serve --no-grpc --no-http --model-name=/mnt/models/ --health-port=3000 --tgis-port=8033",
  ],
  [
    "text-generation-launcher",
    "--port 3000 --grpc-port 8033 --portable",
    "serve --no-grpc --no-http --health-port 3000 --tgis-port 8033 --portable",
  ],
  ["python", "-m caikit_health_probe readiness", "health"],
  ["python", "-m caikit_health_probe liveness", "health --liveness"],
  ["curl", "localhost:3000/health", "health http://localhost:3000/health"],
  ["curl", "-sf -o /dev/null --max-time 5 http://127.0.0.1:3000/health", "health http://127.0.0.1:3000/health"],
];
test.each(rows)("%s %s means ortler %s", (program, args, becomes) => {
  expect(ortlerArguments(program, args.split(" ")).join(" ")).toBe(becomes);
});

const refused: [program: string, args: string][] = [
  ["python", "-m caikit.runtime"],
  ["python", "-m caikit_health_probe startup"],
  ["python", "-m caikit_health_probe liveness 1"],
  ["curl", "--version"],
  ["curl", "localhost:3000/health localhost:8080/health"],
];
test.each(refused)("%s %s is refused with what it is here for", (program, args) => {
  expect(() => ortlerArguments(program, args.split(" "))).toThrow(
    expect.objectContaining({
      name: "ConfigurationError",
      message: expect.stringMatching(`^${program} here is for .* only$`) as string,
    }),
  );
});

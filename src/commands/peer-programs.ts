/**
 * The programs that manifests for Caikit and TGIS run by name, said in Ortler's own words. The image has a file of each
 * name that starts Ortler, so that such a manifest needs another image and nothing else (docs/image.md).
 */
import { ConfigurationError } from "../errors.js";

type Translate = (args: readonly string[]) => readonly string[];

const programs: ReadonlyMap<string, Translate> = new Map([
  ["text-generation-launcher", launch],
  ["python", probe],
  ["curl", fetchHealth],
]);

/**
 * @param program The name that the process was started by.
 * @returns the arguments of `ortler` that do the same; `args` themselves for any program that is no peer's.
 * @throws {ConfigurationError} where the program is asked for what only the original can do.
 */
export function ortlerArguments(program: string, args: readonly string[]): readonly string[] {
  return programs.get(program)?.(args) ?? args;
}

/** TGIS's ports and no others: beside it, in the same pod, Caikit's may be taken by the container of Caikit. */
function launch(args: readonly string[]): readonly string[] {
  return ["serve", "--no-grpc", "--no-http", ...args.map(renamePort)];
}

/** TGIS calls the port of its one gRPC service `--grpc-port`, which here is Caikit's, and the one of health `--port`. */
function renamePort(arg: string): string {
  return arg.replace(/^--port(?==|$)/, "--health-port").replace(/^--grpc-port(?==|$)/, "--tgis-port");
}

function probe(args: readonly string[]): readonly string[] {
  const [option, module, kind, ...rest] = args;
  const isProbe = option === "-m" && module === "caikit_health_probe" && rest.length === 0;
  if (isProbe && kind === "readiness") return ["health"];
  if (isProbe && kind === "liveness") return ["health", "--liveness"];
  throw new ConfigurationError("python here is for `python -m caikit_health_probe readiness` and `liveness` only");
}

/** `curl` calls an answer of 503 a success unless told otherwise; to a probe it never is one. */
function fetchHealth(args: readonly string[]): readonly string[] {
  const addresses = args.filter((arg) => /^(https?:\/\/)?[^/:-][^/:]*:\d+(\/|$)/.test(arg));
  const [address] = addresses;
  if (address === undefined || addresses.length > 1) {
    throw new ConfigurationError("curl here is for probes such as `curl localhost:3000/health` only");
  }
  return ["health", address.includes("://") ? address : `http://${address}`];
}

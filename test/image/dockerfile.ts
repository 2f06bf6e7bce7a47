import { readFileSync } from "node:fs";

/** What a container of an image runs, and with what. */
export interface ImageConfig {
  readonly env: Readonly<Record<string, string>>;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly user: string;
}

/** What builders set where neither base nor Dockerfile does. */
const builderPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** What the Dockerfile gives to a target: its own stage and those that it builds on, the outer ones first. */
export function readImageConfig(target: string): ImageConfig {
  const lines = instructionsOf(target, readStages());
  const last = (name: string): string =>
    lines.findLast((line) => line.startsWith(`${name} `))?.slice(name.length) ?? "";
  const assignments = lines
    .filter((line) => line.startsWith("ENV "))
    .flatMap((line) => [...line.matchAll(/ (\w+)=(\S+)/g)].map(([, key = "", value = ""]) => [key, value] as const));
  return {
    env: { PATH: builderPath, ...Object.fromEntries(assignments) },
    entrypoint: JSON.parse(last("ENTRYPOINT")) as string[], // the exec form is JSON; the shell form fails here
    command: JSON.parse(last("CMD")) as string[],
    user: last("USER").trim(),
  };
}

interface Stage {
  readonly base: string;
  readonly instructions: readonly string[];
}

function readStages(): ReadonlyMap<string, Stage> {
  const text = readFileSync("Dockerfile", "utf8").replaceAll(/\\\n\s*/g, "");
  const parts = text.split(/^(?=FROM )/m).slice(1);
  return new Map(
    parts.map((part) => {
      const [from = "", ...instructions] = part.split("\n");
      const [, base = "", , name = ""] = from.split(" ");
      return [name, { base, instructions }];
    }),
  );
}

function instructionsOf(target: string, stages: ReadonlyMap<string, Stage>): string[] {
  const stage = stages.get(target);
  return stage === undefined ? [] : [...instructionsOf(stage.base, stages), ...stage.instructions];
}

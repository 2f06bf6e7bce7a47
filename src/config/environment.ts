import type { ForeignGiven, Given } from "./command-line.js";
import type { ForeignSetting } from "./foreign.js";
import { didYouMean } from "./nearest.js";
import { environmentNames, type OptionTable } from "./options.js";

export type Environment = Readonly<Record<string, string | undefined>>;

/** The only place that reads the environment of the process. */
export function processEnvironment(): Environment {
  // eslint-disable-next-line no-restricted-properties -- see above
  return process.env;
}

/** What Kubernetes sets in every container for a Service named, say, `ortler`: `ORTLER_PORT=tcp://10.0.0.7:8085`. */
const serviceLinkValue = /^(tcp|udp|sctp):\/\//;
const serviceLinkName = /_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)$/;

/** What the environment says of the table's options, by key. An empty value counts as not set. */
export function readEnvironment(environment: Environment, table: OptionTable): Map<string, Given> {
  const given = new Map<string, Given>();
  for (const [key, option] of Object.entries(table)) {
    const name = environmentNames(key, option).find((candidate) => isSet(environment[candidate]));
    const text = name === undefined ? undefined : environment[name];
    if (name === undefined || text === undefined) continue;
    const values = option.aliases?.find((alias) => alias.env === name)?.values;
    given.set(key, { texts: [values?.[text.trim().toLowerCase()] ?? text], name, source: "environment" });
  }
  return given;
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== "" && !serviceLinkValue.test(value);
}

/** The foreign settings that the environment has a value for. */
export function foreignInEnvironment(environment: Environment, settings: readonly ForeignSetting[]): ForeignGiven[] {
  return settings.flatMap((setting) => {
    const text = setting.env === undefined ? undefined : environment[setting.env];
    return setting.env === undefined || text === undefined || !isSet(text)
      ? []
      : [{ setting, name: setting.env, text }];
  });
}

/**
 * Warnings for names that begin with `ORTLER_` and mean nothing. They are no errors, since Kubernetes makes such
 * names out of the names of Services.
 */
export function unknownEnvironmentNames(environment: Environment, table: OptionTable): string[] {
  const known = Object.entries(table).flatMap(([key, option]) => environmentNames(key, option));
  return Object.keys(environment)
    .filter((name) => name.startsWith("ORTLER_") && !known.includes(name) && !serviceLinkName.test(name))
    .map((name) => `${name} in the environment is no setting${didYouMean(name, known)}`);
}

import type { ValueKind } from "./kinds.js";

/** Another product's name for an option. */
export interface Alias {
  /** Without the dashes. */
  readonly flag?: string;
  readonly env?: string;
  /** What the other product's words mean here; a word that is not listed is taken as it is. */
  readonly values?: Readonly<Record<string, string>>;
  /** The flag takes no value, although the option has one: alone it means `true`. */
  readonly isSwitch?: true;
}

/** One option of a command: everything that flags, environment, file, help and docs need to know of it. */
export interface Option<T> {
  readonly kind: ValueKind<T>;
  readonly default: T | undefined;
  /** What the default comes to, where the value itself does not say it. */
  readonly defaultText?: string;
  /** Heading under which the help lists it. */
  readonly group: string;
  /** What it does, its unit, and when one would change it. */
  readonly doc: string;
  readonly aliases?: readonly Alias[];
  /** Never printed. */
  readonly isSecret?: true;
  /** The value as it may be printed, where only a part of it may be secret. */
  readonly redact?: (text: string) => string;
  /** Says what to do this once: not read from the environment or the file. */
  readonly isFlagOnly?: true;
}

export type OptionTable = Readonly<Record<string, Option<unknown>>>;

/** The values of a table's options; an option without a default may be undefined. */
export type Values<T extends OptionTable> = {
  readonly [K in keyof T]: (T[K]["kind"] extends ValueKind<infer V> ? V : never) | UndefinedIn<T[K]["default"]>;
};
type UndefinedIn<D> = undefined extends D ? undefined : never;

/** `maxSlots` -> `max-slots` */
export function flagName(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** `maxSlots` -> `ORTLER_MAX_SLOTS` */
export function ownEnvironmentName(key: string): string {
  return `ORTLER_${flagName(key).replaceAll("-", "_").toUpperCase()}`;
}

/** Our own name first, which therefore wins over the aliases. */
export function environmentNames(key: string, option: Option<unknown>): readonly string[] {
  if (option.isFlagOnly === true) return [];
  return [ownEnvironmentName(key), ...(option.aliases ?? []).flatMap(({ env }) => env ?? [])];
}

/** What the default is, for people. */
export function describeDefault(option: Option<unknown>): string {
  return option.defaultText ?? describeValue(option.default);
}

/** A value as one would type it. */
export function describeValue(value: unknown): string {
  if (Array.isArray(value)) return value.map(describeValue).join(" ");
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "boolean" || typeof value === "bigint" ? String(value) : "";
}

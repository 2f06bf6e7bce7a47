import { errorFields, plainValue, type Plain } from "./plain.js";

/** Least level that is written; `off` writes nothing. */
export type LogLevel = "debug" | "info" | "warn" | "error" | "off";
/** `auto`: text on a terminal, else JSON. */
export type LogFormat = "auto" | "text" | "json";
export type LogFields = Readonly<Record<string, unknown>>;

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger whose records have `fields` too. */
  child(fields: LogFields): Logger;
}

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** Takes whole lines. By default standard error: standard output belongs to what a command answers. */
  readonly write?: (line: string) => void;
  readonly isTerminal?: boolean;
  readonly now?: () => Date;
}

interface LogRecord {
  readonly timestamp: string;
  readonly level: Exclude<LogLevel, "off">;
  readonly message: string;
  readonly fields: LogFields;
}

const severity: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3, off: 4 };

/** Makes a logger: one record a line, whatever is in it. It takes any value as a field, and never throws. */
export function createLogger(options: LogOptions): Logger {
  const { level, format, now = () => new Date() } = options;
  const write = options.write ?? ((line) => void process.stderr.write(line));
  const isText = format === "text" || (format === "auto" && (options.isTerminal ?? process.stderr.isTTY));
  const render = isText ? renderText : renderJson;

  const withFields = (inherited: LogFields): Logger => {
    const at =
      (recordLevel: LogRecord["level"]) =>
      (message: string, fields: LogFields = {}) => {
        if (severity[recordLevel] < severity[level]) return;
        const timestamp = now().toISOString();
        write(`${render({ timestamp, level: recordLevel, message, fields: { ...inherited, ...fields } })}\n`);
      };
    return {
      debug: at("debug"),
      info: at("info"),
      warn: at("warn"),
      error: at("error"),
      child: (fields) => withFields({ ...inherited, ...fields }),
    };
  };
  return withFields({});
}

/** `{"timestamp":...,"level":...,"message":...,...fields}`; a field cannot take the place of the first three. */
function renderJson({ fields, ...head }: LogRecord): string {
  return JSON.stringify({ ...head, ...plainFields(fields), ...head });
}

/** `2026-01-31T12:00:00.000Z INFO  message key=value key="a text"`, an error's stack indented below. */
function renderText({ timestamp, level, message, fields }: LogRecord): string {
  const pairs = Object.entries(plainFields(fields)).map(([key, value]) => ` ${key}=${renderValue(value)}`);
  const head = `${timestamp} ${level.toUpperCase().padEnd(5)} ${message}${pairs.join("")}`;
  return [head, ...Object.values(fields).flatMap(stackLines)].map(escapeControls).join("\n");
}

function renderValue(value: Plain): string {
  if (typeof value === "string") return /^[\w./:@+*-]+$/.test(value) ? value : JSON.stringify(value);
  const isError = typeof value === "object" && value !== null && "message" in value && "stack" in value;
  return JSON.stringify(isError ? value["message"] : value);
}

function plainFields(fields: LogFields): Record<string, Plain> {
  const entries = Object.entries(fields).map(([key, value]) => [key, plainValue(value)] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

/** Indented, so that no line of a stack can be taken for a record. */
function stackLines(value: unknown): string[] {
  const stack = value instanceof Error ? errorFields(value).stack : undefined;
  return stack === undefined ? [] : stack.split("\n").map((line) => `    ${line}`);
}

/** A text that a client chose must not begin a line of its own, nor command the terminal. */
function escapeControls(line: string): string {
  // eslint-disable-next-line no-control-regex -- these are what it is about
  return line.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, (char) => {
    const named = JSON.stringify(char).slice(1, -1);
    return named === char ? `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}` : named;
  });
}

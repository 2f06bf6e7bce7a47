import type { OptionTable } from "../config/options.js";

/**
 * A subcommand of `ortler`. Each is a module of its own, which imports what runs models only once its options are read:
 * `--help` and a mistyped flag are answered at once.
 */
export interface Command {
  /** What follows `ortler` on the command line. */
  readonly usage: string;
  /** Shown by `--help` below the usage: what it does, in a few lines. */
  readonly description: string;
  readonly table: OptionTable;
  /**
   * Runs to the end and gives the exit code.
   *
   * @param args What follows the command's name.
   * @throws {ConfigurationError} for a mistake on the command line or in the settings.
   */
  run(args: readonly string[]): Promise<number>;
}

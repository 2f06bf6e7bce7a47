/** Reports of comparisons for a terminal. */
import type { MachineFacts } from "../machine.js";
import { renderNumber, renderSummary, renderTable } from "../report.js";
import type { AnswersReport, Guesses } from "./answers.js";
import type { CompareReport } from "./measure.js";
import type { CompareRow } from "./rounds.js";

export function renderCompareReport({ machine, scenario, base, head, rows }: CompareReport): string {
  const what = `${scenario.checkpoint.name}, ${scenario.rounds} rounds`;
  return [renderMachine(machine), renderWhat(base, head, what), renderRows(rows)].join("\n\n");
}

export function renderAnswersReport(report: AnswersReport): string {
  const { machine, scenario, model, rounds, base, head, rows, guesses, differentAnswers } = report;
  return [
    renderMachine(machine),
    renderWhat(base, head, `${scenario} on ${model}, ${rounds} rounds`),
    renderRows(rows),
    `Guessed tokens: base ${renderGuesses(guesses.base)}, head ${renderGuesses(guesses.head)}`,
    `Answers that differ: ${differentAnswers}`,
  ].join("\n\n");
}

const renderMachine = ({ cpu, cores, date, loadAverage }: MachineFacts): string =>
  `${cpu}, ${cores} cores; ${date}, load average before ${renderNumber(loadAverage, 2)}`;

const renderWhat = (base: string, head: string, what: string): string => `base ${base}, head ${head}: ${what}`;

const renderRows = (rows: readonly CompareRow[]): string =>
  renderTable("Head over base", ["", "base", "head", "ratio", "95% confidence"], rows.map(renderRow));

function renderRow({ figure, base, head, ratio, interval }: CompareRow): string[] {
  const range = interval && `${renderNumber(interval.lower, 3)} to ${renderNumber(interval.upper, 3)}`;
  return [figure, renderSummary(base), renderSummary(head), renderNumber(ratio, 3), range ?? "-"];
}

function renderGuesses({ drafted, accepted }: Guesses): string {
  if (drafted === 0) return "none";
  return `${drafted}, of which ${accepted} were right (${((100 * accepted) / drafted).toFixed(0)}%)`;
}

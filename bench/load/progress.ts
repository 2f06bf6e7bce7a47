/** Live progress on standard error: one line that changes on a terminal, one line for each phase elsewhere. */
import { nameOf } from "./report/name.js";
import type { RunObserver } from "./run.js";
import type { Scenario } from "./scenario/scenario.js";

type Output = Pick<NodeJS.WriteStream, "write" | "isTTY">;

const eraseLine = "\r\u001b[2K";

export function createProgress({ seconds, warmUpSeconds }: Scenario, output: Output): RunObserver {
  let name = "";
  let tokensBefore = 0;
  let secondsBefore = 0;
  const show = (text: string): void => {
    if (output.isTTY) output.write(eraseLine + text);
  };
  return {
    began: (phaseName) => {
      name = phaseName;
      tokensBefore = secondsBefore = 0;
      show(`${name}: starting`);
    },
    pulse: (now, { tokens, sent, answered, failed }) => {
      const rate = (tokens - tokensBefore) / Math.max(0.001, now - secondsBefore);
      [tokensBefore, secondsBefore] = [tokens, now];
      const stage =
        now < warmUpSeconds ? "warm-up" : now < warmUpSeconds + seconds ? "measuring" : "waiting for answers";
      const end = warmUpSeconds + seconds;
      const failures = failed === 0 ? "" : `, ${failed} failed`;
      show(
        `${name}: ${stage} ${now.toFixed(0)}/${end.toFixed(0)} s, ${sent - answered - failed} in flight, ` +
          `${answered} answered${failures}, ${rate.toFixed(0)} tokens/s`,
      );
    },
    ended: (measurement, errors) => {
      show("");
      const { rates, outcome } = measurement;
      output.write(
        `${nameOf(measurement)}: ${rates.tokensPerSecond.toFixed(1)} tokens/s, ` +
          `first token p50 ${outcome.firstTokenMs?.p50.toFixed(1) ?? "-"} ms, ${outcome.requests.failed} failed\n`,
      );
      for (const error of errors) output.write(`  ${error}\n`);
    },
  };
}

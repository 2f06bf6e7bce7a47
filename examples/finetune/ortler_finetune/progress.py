"""Tells how far training is: a line on the terminal, and metrics for Ray's dashboard and Prometheus."""

import sys
import time

from ray.util.metrics import Gauge


class Progress:
    """Of rank 0, which has the means over all workers."""

    def __init__(self, steps: int, step_tokens: int, line_every: int) -> None:
        self._steps = steps
        self._step_tokens = step_tokens
        self._line_every = line_every
        self._loss = Gauge("ortler_finetune_loss", "Mean training loss of the last step, nats a token.")
        self._perplexity = Gauge("ortler_finetune_perplexity", "Perplexity on the evaluation text.")
        self._step = Gauge("ortler_finetune_step", "Steps that are done.")
        self._since = time.monotonic()
        self._steps_since = 0

    def trained(self, step: int, loss: float, rate: float) -> None:
        self._loss.set(loss)
        self._step.set(step)
        self._steps_since += 1
        if step % self._line_every != 0 and step != self._steps:
            return
        elapsed = time.monotonic() - self._since
        speed = self._steps_since * self._step_tokens / elapsed
        say(f"step {step}/{self._steps}: loss {loss:.4f}, learning rate {rate:.3g}, {speed:.0f} tokens/s")
        self._since, self._steps_since = time.monotonic(), 0

    def evaluated(self, step: int, perplexity: float) -> None:
        self._perplexity.set(perplexity)
        say(f"step {step}/{self._steps}: perplexity {perplexity:.2f}")

    def saved(self, step: int) -> None:
        say(f"step {step}/{self._steps}: checkpoint")


def say(line: str) -> None:
    """Ray Train replaces `print` in its workers by one that also logs: every line would be there twice."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()

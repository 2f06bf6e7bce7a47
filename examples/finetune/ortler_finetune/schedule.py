"""The learning rate of each step: a linear rise, then a cosine down to 0."""

import math


def learning_rate(step: int, steps: int, highest: float, warmup_share: float) -> float:
    """For the step that takes the model from `step` to `step + 1` of `steps` steps.

    The first step's rate is above 0 (a step at 0 would teach nothing), and the last one's, too.
    """
    warmup = round(steps * warmup_share)
    if step < warmup:
        return highest * (step + 1) / warmup
    progress = (step - warmup) / max(1, steps - warmup)
    return highest * 0.5 * (1.0 + math.cos(math.pi * progress))

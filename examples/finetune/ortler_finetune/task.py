"""What the driver hands to every worker, and what the workers hand back through their checkpoints."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .blocks import Blocks, Order
from .options import Options

HISTORY = "history.json"


@dataclass(frozen=True)
class Inputs:
    """What is tuned on what."""

    training: Blocks
    evaluation: Blocks
    #: Bytes of the start model's files, by name.
    model: dict[str, npt.NDArray[np.uint8]]


@dataclass(frozen=True)
class Task:
    options: Options
    order: Order
    steps: int
    #: Of `Inputs`, in Ray's object store: every node has one copy, which its workers map, and needs no file of the
    #: driver's.
    inputs: Any


@dataclass
class History:
    """What happened, as far as the checkpoint that it lies in."""

    #: Mean loss of all workers in each step; the first is step 1's.
    losses: list[float] = field(default_factory=list)
    #: [step, perplexity]; step 0 is the start model.
    evaluations: list[tuple[int, float]] = field(default_factory=list)
    #: Steps at which workers went on from a checkpoint.
    resumed: list[int] = field(default_factory=list)
    #: When the checkpoint was written: ISO 8601, UTC.
    saved: str = ""

    @property
    def step(self) -> int:
        return len(self.losses)

    def write(self, folder: Path) -> None:
        (folder / HISTORY).write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> "History":
        content = json.loads((folder / HISTORY).read_text(encoding="utf-8"))
        content["evaluations"] = [(step, perplexity) for step, perplexity in content["evaluations"]]
        return cls(**content)

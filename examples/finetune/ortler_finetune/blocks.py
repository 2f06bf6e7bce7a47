"""Token ids to blocks of one length, and which blocks a worker trains on in each step."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from .errors import DataError

#: [blocks, length], int32.
Blocks = npt.NDArray[np.int32]


def to_blocks(pieces: Iterable[list[int]], length: int, where: str) -> Blocks:
    """Cuts the joined pieces into blocks of `length` tokens. What is left at the end and fills no block is dropped.

    Raises DataError when there is not one block; `where` is named in the message.
    """
    arrays = [np.asarray(piece, dtype=np.int32) for piece in pieces if piece]
    tokens = np.concatenate(arrays) if arrays else np.empty(0, dtype=np.int32)
    count = len(tokens) // length
    if len(tokens) == 0:
        raise DataError(f"{where} has no text: every document in it is empty")
    if count == 0:
        raise DataError(
            f"{where} has {len(tokens)} tokens, a block has {length}: give more text or a smaller --block-length"
        )
    return tokens[: count * length].reshape(count, length)


def split_blocks(blocks: Blocks, share: float, where: str) -> tuple[Blocks, Blocks]:
    """Training and evaluation blocks. The last ones are for evaluation, at least one.

    Raises DataError when there is only one block.
    """
    kept = max(1, round(len(blocks) * share))
    if kept >= len(blocks):
        raise DataError(
            f"{where} has one block of {blocks.shape[1]} tokens, and none is left to train on when it is kept for "
            "evaluation: give more text, a smaller --block-length or --evaluation-data"
        )
    return blocks[:-kept], blocks[-kept:]


@dataclass(frozen=True)
class Order:
    """Which blocks each step takes.

    Every epoch is another permutation of all blocks, which follows from the seed and the epoch alone: a run that
    goes on from a checkpoint takes the blocks that it would have taken.
    """

    blocks: int
    seed: int
    #: Blocks of one step, of all workers together.
    step_blocks: int

    def steps(self, epochs: float) -> int:
        """Steps in which each block is seen at least `epochs` times."""
        return max(1, math.ceil(self.blocks * epochs / self.step_blocks))

    def rows(self, step: int, rank: int, workers: int) -> list[int]:
        """Rows of the blocks that worker `rank` of `workers` trains on in `step`."""
        start = step * self.step_blocks
        return [self._row(position) for position in range(start + rank, start + self.step_blocks, workers)]

    def _row(self, position: int) -> int:
        epoch, place = divmod(position, self.blocks)
        return int(_permutation(self.seed, epoch, self.blocks)[place])


@lru_cache(maxsize=2)  # a step lies in one epoch, or across two
def _permutation(seed: int, epoch: int, count: int) -> npt.NDArray[np.int64]:
    return np.random.default_rng([seed, epoch]).permutation(count)

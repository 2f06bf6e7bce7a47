import numpy as np
import pytest

from ortler_finetune.blocks import Order, split_blocks, to_blocks
from ortler_finetune.errors import DataError


def test_joins_the_pieces_and_drops_what_fills_no_block() -> None:
    assert to_blocks([[1, 2], [], [3, 4, 5, 6, 7]], 3, "data").tolist() == [[1, 2, 3], [4, 5, 6]]


def test_an_empty_data_set_is_told_as_such() -> None:
    with pytest.raises(DataError, match="data has no text"):
        to_blocks([[], []], 3, "data")


def test_a_text_shorter_than_one_block_is_refused_with_both_lengths() -> None:
    with pytest.raises(DataError, match="data has 2 tokens, a block has 3"):
        to_blocks([[1, 2]], 3, "data")


def test_the_last_blocks_are_for_evaluation_and_at_least_one() -> None:
    blocks = np.arange(20, dtype=np.int32).reshape(10, 2)
    training, evaluation = split_blocks(blocks, 0.2, "data")
    assert (training.tolist(), evaluation.tolist()) == (blocks[:8].tolist(), blocks[8:].tolist())
    assert len(split_blocks(blocks, 0.001, "data")[1]) == 1


def test_a_single_block_cannot_be_split() -> None:
    with pytest.raises(DataError, match="one block of 4 tokens"):
        split_blocks(np.zeros((1, 4), dtype=np.int32), 0.5, "data")


def test_every_epoch_has_each_block_once_in_another_order() -> None:
    order = Order(blocks=12, seed=3, step_blocks=4)
    epochs = [[row for step in range(first, first + 3) for row in order.rows(step, 0, 1)] for first in (0, 3)]
    assert [sorted(epoch) for epoch in epochs] == [list(range(12))] * 2
    assert epochs[0] != epochs[1]


def test_the_workers_of_a_step_share_its_blocks_without_overlap() -> None:
    order = Order(blocks=12, seed=3, step_blocks=4)
    shares = [order.rows(1, rank, 2) for rank in (0, 1)]
    assert sorted(shares[0] + shares[1]) == sorted(order.rows(1, 0, 1))
    assert [len(share) for share in shares] == [2, 2]


def test_fewer_blocks_than_a_step_takes_are_taken_again() -> None:
    order = Order(blocks=3, seed=0, step_blocks=8)
    assert set(order.rows(0, 0, 1)) == {0, 1, 2}
    assert order.steps(1.0) == 1


@pytest.mark.parametrize(("epochs", "steps"), [(1.0, 3), (0.5, 2), (2.0, 5), (0.01, 1)])
def test_each_block_is_seen_at_least_as_often_as_asked(epochs: float, steps: int) -> None:
    assert Order(blocks=10, seed=0, step_blocks=4).steps(epochs) == steps

import pytest

from ortler_finetune.schedule import learning_rate


def rates(steps: int, warmup_share: float) -> list[float]:
    return [learning_rate(step, steps, 1.0, warmup_share) for step in range(steps)]


def test_rises_linearly_and_falls_along_a_cosine() -> None:
    # Two steps up, then cos(0), cos(pi / 4), cos(pi / 2), cos(3 pi / 4), each (1 + x) / 2.
    assert rates(6, 1 / 3) == pytest.approx([0.5, 1.0, 1.0, 0.853553, 0.5, 0.146447], abs=1e-6)


def test_starts_at_the_top_without_warmup() -> None:
    assert rates(2, 0.0) == pytest.approx([1.0, 0.5])


def test_no_step_is_wasted_on_a_rate_of_zero() -> None:
    assert all(rate > 0 for share in (0.0, 0.1, 0.5, 1.0) for rate in rates(20, share))

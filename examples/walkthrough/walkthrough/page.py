"""The loss curve as SVG, and one page with the curve and the answers side by side."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 720, 300, 56, 40, 16, 64
Point = tuple[float, float]

_PAGE = Template("""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Tune, store, serve, ask</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
  svg { width: 100%; height: auto; }
  table { border-collapse: collapse; }
  th, td { text-align: left; vertical-align: top; padding: 0.5rem; border-top: 1px solid #ccc; }
</style>
<h1>Tune, store, serve, ask</h1>
<p>$summary</p>
$curve
<table>
<tr><th>Prompt</th><th>Before</th><th>After</th></tr>
$rows
</table>
</html>
""")


def draw(run: dict[str, Any], folder: Path) -> Path:
    """Writes `loss.svg` and `walkthrough.html` into `folder`. Gives the page's path."""
    history = run["report"]["history"]
    curve = curve_of(history["losses"], history["evaluations"], history["resumed"])
    (folder / "loss.svg").write_text(curve + "\n", encoding="utf-8")
    page = folder / "walkthrough.html"
    page.write_text(_PAGE.substitute(summary=_summary(run), curve=curve, rows=_rows(run)), encoding="utf-8")
    return page


def curve_of(losses: list[float], evaluations: list[tuple[int, float]], resumed: list[int]) -> str:
    """Training loss by step on the left axis, perplexity on the evaluation text on the right one."""
    steps = max(1, len(losses))
    left, right = _axis(losses), _axis([value for _, value in evaluations])

    def x(step: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * step / steps

    def points(values: Sequence[Point], axis: Point) -> str:
        return " ".join(f"{x(step):.1f},{_y(value, axis):.1f}" for step, value in values)

    training = points([(step, loss) for step, loss in enumerate(losses, start=1)], left)
    marks = "".join(
        f'<line x1="{x(step):.1f}" x2="{x(step):.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" stroke="#888" '
        f'stroke-dasharray="3 3"/><text x="{x(step) + 4:.1f}" y="{TOP + 12}">resumed</text>'
        for step in resumed
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'font-size="12" fill="#444"><title>Loss and perplexity by step</title>'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>'
        f"{_labels(left, LEFT - 8, 'end', '#1f6feb')}{_labels(right, WIDTH - RIGHT + 8, 'start', '#d1242f')}"
        f'<polyline points="{training}" fill="none" stroke="#1f6feb" stroke-width="1.5"/>'
        f'<polyline points="{points(evaluations, right)}" fill="none" stroke="#d1242f" stroke-width="2"/>{marks}'
        f'<text x="{LEFT}" y="{HEIGHT - 10}" fill="#1f6feb">training loss, nats a token</text>'
        f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 10}" text-anchor="end" fill="#d1242f">perplexity</text>'
        f'<text x="{WIDTH / 2}" y="{HEIGHT - 10}" text-anchor="middle">{steps} steps</text></svg>'
    )


def _axis(values: list[float]) -> Point:
    """The lowest and the highest value, never the same."""
    low, high = min(values), max(values)
    return (low, high) if high > low else (low, low + 1.0)


def _y(value: float, axis: Point) -> float:
    low, high = axis
    return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * (value - low) / (high - low)


def _labels(axis: Point, x: float, anchor: str, colour: str) -> str:
    low, high = axis
    return "".join(
        f'<text x="{x}" y="{_y(value, axis) + 4:.1f}" text-anchor="{anchor}" fill="{colour}">{value:.3g}</text>'
        for value in (low, (low + high) / 2, high)
    )


def _summary(run: dict[str, Any]) -> str:
    history = run["report"]["history"]
    first, last = history["evaluations"][0][1], history["evaluations"][-1][1]
    resumed = "".join(f" A worker was killed, and the job went on from step {step}." for step in history["resumed"])
    return (
        f"Perplexity on the part of the text that is kept for evaluation: {first:.1f} before, {last:.1f} after "
        f"{len(history['losses'])} steps. {run['minutes']:.1f} minutes from an empty bucket to the last answer."
        f"{resumed}"
    )


def _rows(run: dict[str, Any]) -> str:
    return "\n".join(
        f"<tr><th>{escape(prompt)}</th><td>{escape(run['before'][prompt])}</td><td>{escape(answer)}</td></tr>"
        for prompt, answer in run["after"].items()
    )

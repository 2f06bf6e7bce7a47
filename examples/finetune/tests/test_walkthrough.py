from pathlib import Path
from xml.etree import ElementTree

from walkthrough.page import curve_of, draw

SVG = "{http://www.w3.org/2000/svg}"


def test_the_curve_has_a_point_for_each_step_and_evaluation_and_a_mark_where_the_job_went_on() -> None:
    root = ElementTree.fromstring(curve_of([4.0, 3.0, 2.0], [(0, 50.0), (3, 10.0)], [2]))
    losses, perplexities = [line.attrib["points"].split() for line in root.iter(f"{SVG}polyline")]
    assert (len(losses), len(perplexities), len(list(root.iter(f"{SVG}line")))) == (3, 2, 1)
    # The highest value of each is at the top, the lowest at the bottom; both end at the right edge.
    assert [losses[0].split(",")[1], perplexities[0].split(",")[1]] == ["16.0", "16.0"]
    assert losses[-1] == perplexities[-1] == "656.0,260.0"


def test_a_constant_loss_is_drawn_as_well() -> None:
    assert "nan" not in curve_of([2.0, 2.0], [(0, 9.0)], [])


def test_answers_are_shown_as_text_whatever_is_in_them(tmp_path: Path) -> None:
    history = {"losses": [2.0], "evaluations": [(0, 9.0), (1, 8.0)], "resumed": []}
    run = {"minutes": 1.0, "report": {"history": history}, "before": {"<p>": "a & b"}, "after": {"<p>": "<script>"}}
    page = draw(run, tmp_path).read_text(encoding="utf-8")
    assert "<tr><th>&lt;p&gt;</th><td>a &amp; b</td><td>&lt;script&gt;</td></tr>" in page
    assert (tmp_path / "loss.svg").read_text(encoding="utf-8").startswith("<svg")

import dataclasses
from pathlib import Path

from ortler_finetune.options import Options, flag_of, key_of, variable_of

README = Path(__file__).parent.parent / "README.md"


def test_the_readme_has_every_option_with_its_names_default_and_words() -> None:
    lines = README.read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| `--")]
    assert sorted(rows) == sorted(_row(each) for each in dataclasses.fields(Options))


def _row(each: "dataclasses.Field[object]") -> list[str]:
    words = each.metadata["default_text"]
    value = f"{each.default:g}" if isinstance(each.default, float) else each.default
    default = "required" if each.default is dataclasses.MISSING else words or f"`{value}`"
    return [f"`{name(each.name)}`" for name in (flag_of, key_of, variable_of)] + [default, each.metadata["doc"]]

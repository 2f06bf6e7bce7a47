import ast
import json
from pathlib import Path
from typing import Any

import nbformat

EXAMPLE = Path(__file__).parents[2] / "walkthrough"
NOTEBOOK = EXAMPLE / "walkthrough.ipynb"


def read() -> Any:
    return json.loads(NOTEBOOK.read_text(encoding="utf-8"))


def code_cells() -> list[str]:
    return ["".join(cell["source"]) for cell in read()["cells"] if cell["cell_type"] == "code"]


def test_the_notebook_is_valid_and_every_cell_parses() -> None:
    nbformat.validate(read())
    assert len([ast.parse(cell) for cell in code_cells()]) > 5


def test_what_the_notebook_imports_from_the_walk_through_is_there() -> None:
    imports = [node for cell in code_cells() for node in ast.walk(ast.parse(cell)) if isinstance(node, ast.ImportFrom)]
    ours = [node for node in imports if node.module is not None and node.module.startswith("walkthrough.")]
    missing = [f"{node.module}.{each.name}" for node in ours for each in node.names if each.name not in _names_of(node)]
    assert (missing, len(ours) > 5) == ([], True)


def test_nothing_but_the_first_part_runs_unless_it_is_asked_for() -> None:
    cells = code_cells()
    guard = next(index for index, cell in enumerate(cells) if cell.startswith("ON_CLUSTER = False"))
    assert [cell.splitlines()[0] for cell in cells[guard + 1 :]] == ["if ON_CLUSTER:"] * len(cells[guard + 1 :])


def _names_of(node: ast.ImportFrom) -> set[str]:
    """Names that a module of the walk-through has, by its source: to import it takes Ray and grpc."""
    tree = ast.parse((EXAMPLE / f"{str(node.module).replace('.', '/')}.py").read_text(encoding="utf-8"))
    names = {each.name for each in tree.body if isinstance(each, ast.FunctionDef)}
    for each in tree.body:
        if isinstance(each, ast.Assign):
            names |= {target.id for target in each.targets if isinstance(target, ast.Name)}
        elif isinstance(each, ast.ImportFrom):
            names |= {name.name for name in each.names}
    return names

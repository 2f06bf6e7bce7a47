import json
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from ortler_finetune.errors import DataError
from ortler_finetune.texts import Piece, read_texts


def read(folder: Path, column: str = "text") -> list[Piece]:
    return list(read_texts(str(folder), column, "train"))


def test_files_and_json_lines_are_documents_and_rows_of_parquet_are_joined(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one")
    (tmp_path / "b.jsonl").write_text('{"text": "two"}\n\n{"text": "three"}\n')
    parquet.write_table(pyarrow.table({"text": ["four ", "", "five"]}), tmp_path / "c.parquet")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "e.md").write_text("six")
    (tmp_path / "picture.png").write_bytes(b"\xff")
    assert read(tmp_path) == [
        ("one", True), ("two", True), ("three", True), ("four ", False), ("five", False), ("six", True),
    ]  # fmt: skip


def test_one_file_may_be_named_whatever_its_ending(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("text")
    assert read(tmp_path / "notes") == [("text", True)]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"caf\xe9", "a.txt is not UTF-8: byte 3"),
        ("a.jsonl", b'{"text": "x"}\n{"body": "y"}', "a.jsonl line 2 has no text in 'text'"),
        ("a.jsonl", b"{", "a.jsonl line 1 is not JSON"),
        ("a.parquet", b"no parquet", "a.parquet is not parquet"),
        ("a.csv", b"x", "has no text: no file in it ends in .txt, .md, .jsonl, .parquet"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as caught:
        read(tmp_path)
    assert message in str(caught.value)


def test_a_folder_that_is_not_there_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no folder or file"):
        read(tmp_path / "missing")


def test_a_column_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    parquet.write_table(pyarrow.table({"body": ["x"]}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match="has no column 'text', but body"):
        read(tmp_path)


def test_another_column_may_have_the_text(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"body": "x"}))
    assert read(tmp_path, "body") == [("x", True)]

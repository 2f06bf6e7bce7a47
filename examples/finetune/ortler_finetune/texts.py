"""The texts of a folder, of a prefix in S3, or of a data set on the Hugging Face hub."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
from pyarrow import parquet

from .errors import DataError
from .locations import Location, parse_location
from .store import open_store

SUFFIXES = (".txt", ".md", ".jsonl", ".parquet")


class Piece(NamedTuple):
    text: str
    #: A document ends behind it. WikiText cuts documents into rows, so rows of parquet do not say.
    ends: bool


def read_texts(where: str, column: str, split: str) -> Iterator[Piece]:
    """Pieces in the order of the files' names: a file or a JSON line is a document, parquet rows are joined.

    `split` counts on the hub only. Raises DataError where there is no such file, or one cannot be understood, and
    StorageError where the store fails.
    """
    location = parse_location(where)
    if location.kind == "folder":
        path = Path(location.path)
        yield from _read_files(path if path.is_dir() else path.parent, _local_files(path, where), column, where)
        return
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        if location.kind == "s3":
            _download(where, root)
        else:
            root = _download_from_hub(location, split)
        yield from _read_files(root, _text_files(root), column, where)


def _local_files(path: Path, where: str) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise DataError(f"there is no folder or file {where}")
    return _text_files(path)


def _text_files(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.suffix in SUFFIXES and path.is_file())


def _download(where: str, root: Path) -> None:
    store = open_store(where)
    store.check()
    for path in store.sizes():
        if path.endswith(SUFFIXES):
            store.download(path, root / path)


def _download_from_hub(location: Location, split: str) -> Path:
    """The hub keeps every public data set as parquet, too: no code of the data set's own is run."""
    configuration = location.part or "default"
    pattern = f"{configuration}/{split}/*.parquet"
    try:
        folder = snapshot_download(
            location.path, repo_type="dataset", revision="refs/convert/parquet", allow_patterns=pattern
        )
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise DataError(f"data set hf://{location.path} cannot be fetched from the hub: {error}") from error
    return Path(folder) / configuration / split


def _read_files(root: Path, files: list[Path], column: str, where: str) -> Iterator[Piece]:
    if not files:
        raise DataError(f"{where} has no text: no file in it ends in {', '.join(SUFFIXES)}")
    for file in files:
        name = f"{where}: {file.relative_to(root)}"
        if file.suffix == ".parquet":
            yield from _read_parquet(file, column, name)
        elif file.suffix == ".jsonl":
            yield from _read_lines(file, column, name)
        else:
            yield Piece(_decode(file.read_bytes(), name), True)


def _decode(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{name} is not UTF-8: byte {error.start} is no part of a character") from error


def _read_lines(file: Path, column: str, name: str) -> Iterator[Piece]:
    for number, line in enumerate(file.read_bytes().splitlines(), start=1):
        if line.strip():
            yield Piece(_text_of(line, column, f"{name} line {number}"), True)


def _text_of(line: bytes, column: str, name: str) -> str:
    try:
        row = json.loads(_decode(line, name))
    except json.JSONDecodeError as error:
        raise DataError(f"{name} is not JSON: {error}") from error
    text = row.get(column) if isinstance(row, dict) else None
    if not isinstance(text, str):
        raise DataError(f"{name} has no text in {column!r}; --text-column says where it is")
    return text


def _read_parquet(file: Path, column: str, name: str) -> Iterator[Piece]:
    try:
        table = parquet.ParquetFile(file)
    except (pyarrow.ArrowInvalid, OSError) as error:
        raise DataError(f"{name} is not parquet: {error}") from error
    columns = table.schema_arrow.names
    if column not in columns:
        raise DataError(f"{name} has no column {column!r}, but {', '.join(columns)}; --text-column says which")
    for batch in table.iter_batches(columns=[column]):
        yield from (Piece(text, False) for text in batch.column(0).to_pylist() if text)

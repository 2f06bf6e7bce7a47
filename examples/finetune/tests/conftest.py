"""Stores for tests: folders as they are, and folders that fail like a store in the network."""

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyarrow import fs

from ortler_finetune.store import Store


class Faulty(fs.FSSpecHandler):  # type: ignore[misc]
    """A file system that calls `before(verb, path)` ahead of whatever changes it."""

    def __init__(self, filesystem: fs.FileSystem, before: Callable[[str, str], None]) -> None:
        super().__init__(None)
        self._filesystem = filesystem
        self._before = before

    def get_type_name(self) -> str:
        return "faulty"

    def get_file_info(self, paths: list[str]) -> Any:
        return self._filesystem.get_file_info(paths)

    def get_file_info_selector(self, selector: fs.FileSelector) -> Any:
        return self._filesystem.get_file_info(selector)

    def open_input_stream(self, path: str) -> Any:
        return self._filesystem.open_input_stream(path)

    def open_output_stream(self, path: str, metadata: Any) -> Any:
        self._before("write", path)
        self._filesystem.create_dir(path.rpartition("/")[0])
        return self._filesystem.open_output_stream(path)

    def move(self, src: str, dest: str) -> None:
        self._before("move", dest)
        self._filesystem.create_dir(dest.rpartition("/")[0])
        self._filesystem.move(src, dest)

    def delete_file(self, path: str) -> None:
        self._before("remove", path)
        self._filesystem.delete_file(path)

    def delete_dir(self, path: str) -> None:
        self._before("remove", path)
        self._filesystem.delete_dir(path)


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    folder = tmp_path / "bucket"
    folder.mkdir()
    return folder


@pytest.fixture
def target(bucket: Path) -> Store:
    """The store of the prefix `gpt2`."""
    return Store("the bucket", fs.LocalFileSystem(), f"{bucket}/gpt2")


@pytest.fixture
def faulty(bucket: Path) -> Callable[[Callable[[str, str], None]], Store]:
    """The same store, which asks the given function before it changes something."""

    def make(before: Callable[[str, str], None]) -> Store:
        handler = Faulty(fs.LocalFileSystem(), before)
        return Store("the bucket", fs.PyFileSystem(handler), f"{bucket}/gpt2")

    return make


@pytest.fixture
def model(tmp_path: Path) -> Callable[..., Path]:
    """Makes a folder with the given files."""

    def make(name: str, **files: str) -> Path:
        folder = tmp_path / name
        for file, content in files.items():
            path = folder / file.replace("__", "/").replace("_json", ".json").replace("_bin", ".bin")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        return folder

    return make


def full() -> OSError:
    return OSError(errno.ENOSPC, "No space left on device")

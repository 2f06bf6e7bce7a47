"""A folder or a prefix in S3, with the same few verbs for both, and errors that say where and what."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pyarrow import fs

from .errors import OptionError, StorageError
from .locations import Location, parse_location
from .s3 import meaning_of, s3_connection

_CHUNK = 8 << 20


@dataclass(frozen=True)
class Store:
    """Paths are relative to the store's root and have `/` between their parts."""

    #: How the root is called in messages: `s3://bucket/prefix`, or a path.
    name: str
    filesystem: fs.FileSystem
    root: str

    def beside(self) -> tuple["Store", str]:
        """The store around this one, and this one's name in it."""
        root, _, name = self.root.rpartition("/")
        return replace(self, root=root), name

    def check(self) -> None:
        """Raises StorageError when the bucket is missing or refuses the credentials, or no folder can be made there.

        A missing prefix or folder is fine.
        """
        if not isinstance(self.filesystem, fs.S3FileSystem):
            with self.facts("cannot be used"):
                self._make_parent("")
            return
        bucket = self.root.split("/")[0]
        with self.facts("cannot be used"):
            # A listing, since only its answer says which half of the credentials is wrong.
            self.filesystem.get_file_info(fs.FileSelector(self.root, allow_not_found=True))
            if self.filesystem.get_file_info(bucket).type == fs.FileType.NotFound:
                raise StorageError(f"{self.name} cannot be used: there is no bucket {bucket}")

    def sizes(self, path: str = "") -> dict[str, int]:
        """Bytes of every file below `path`, by its path relative to that."""
        folder = self._full(path)
        with self.facts("cannot be listed"):
            found = self.filesystem.get_file_info(fs.FileSelector(folder, recursive=True, allow_not_found=True))
        return {info.path[len(folder) + 1 :]: info.size for info in found if info.type == fs.FileType.File}

    def read(self, path: str) -> bytes | None:
        """The whole file; None when there is none."""
        with self.facts(f"has {path}, which cannot be read"):
            if self.filesystem.get_file_info(self._full(path)).type != fs.FileType.File:
                return None
            with self.filesystem.open_input_stream(self._full(path)) as stream:
                return bytes(stream.read())

    def download(self, path: str, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        with (
            self.facts(f"has {path}, which cannot be downloaded"),
            self.filesystem.open_input_stream(self._full(path)) as stream,
            file.open("wb") as target,
        ):
            while chunk := stream.read(_CHUNK):
                target.write(chunk)

    def upload(self, file: Path, path: str) -> None:
        """In S3 an object is there when it is whole. In a folder a failed upload leaves what it wrote."""
        with self.facts(f"cannot take {path}"), file.open("rb") as source:
            self._make_parent(path)
            with self.filesystem.open_output_stream(self._full(path)) as stream:
                while chunk := source.read(_CHUNK):
                    stream.write(chunk)

    def move(self, path: str, to: str) -> None:
        """Replaces `to`. Readers see the old file or the new one, never a part; S3 copies inside the server."""
        with self.facts(f"cannot take {to}"):
            self._make_parent(to)
            self.filesystem.move(self._full(path), self._full(to))

    def remove(self, path: str) -> None:
        with self.facts(f"cannot lose {path}"):
            self.filesystem.delete_file(self._full(path))

    def remove_folder(self, path: str) -> None:
        """What is not there is removed already."""
        with self.facts(f"cannot lose {path}"):
            if self.filesystem.get_file_info(self._full(path)).type == fs.FileType.Directory:
                self.filesystem.delete_dir(self._full(path))

    @contextmanager
    def facts(self, what: str) -> Iterator[None]:
        """Turns an OSError within into a StorageError that begins with the store's name and `what`."""
        try:
            yield
        except OSError as error:
            why = "no space is left there" if error.errno == errno.ENOSPC else meaning_of(error)
            raise StorageError(f"{self.name} {what}: {why}") from error

    def _full(self, path: str) -> str:
        return f"{self.root}/{path}" if path else self.root

    def _make_parent(self, path: str) -> None:
        # In S3 a folder would be an empty object.
        if isinstance(self.filesystem, fs.LocalFileSystem):
            self.filesystem.create_dir(self._full(path).rpartition("/")[0])


def open_store(text: str) -> Store:
    """The store that a folder's path or `s3://bucket/prefix` names. Nothing is asked or made yet.

    Raises OptionError where the bucket is left to an environment that does not name it, StorageError for half a
    pair of keys.
    """
    location = parse_location(text)
    if location.kind == "s3":
        return _open_s3(location)
    return Store(text, fs.LocalFileSystem(), str(Path(location.path).resolve()))


def open_output(output: str, checkpoints: str) -> tuple[Store, Store]:
    """The stores of the model and of the checkpoints, checked. Empty checkpoints are kept beside the model.

    Raises OptionError when checkpoints would lie in the model's prefix, where readers take them for parts of it.
    """
    target = open_store(output)
    kept = open_store(checkpoints or output.rstrip("/") + "-checkpoints")
    if f"{kept.root}/".startswith(f"{target.root}/"):
        raise OptionError(f"--checkpoints {checkpoints} must not lie in --output {output}")
    target.check()
    kept.check()
    return target, kept


def _open_s3(location: Location) -> Store:
    connection = s3_connection()
    bucket, _, prefix = location.path.partition("/")
    bucket = bucket or connection.bucket
    if not bucket:
        raise OptionError(f"s3:///{prefix} names no bucket, and AWS_S3_BUCKET is not set")
    return Store(f"s3://{bucket}/{prefix}", connection.filesystem(), f"{bucket}/{prefix}")

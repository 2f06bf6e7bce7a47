"""Publishes a model so that nobody who reads the prefix takes half a model for a whole one.

1. Every file is uploaded to a staging folder beside the prefix. The old model is whole all the while. What an
   interrupted upload left there is not uploaded again: the staging folder is named after the model's digest.
2. The files are moved to their places, which in S3 is a copy inside the server: seconds, not the time of an upload.
3. The manifest, which has the size and the hash of every file, is moved last. Who checks files against the manifest
   sees from the first moved file to this one that they differ, and waits.
4. What only the old manifest names is removed, and the staging folder, too.

Two jobs that publish to one prefix at the same time are not protected from each other.
"""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import StorageError
from .store import Store

MANIFEST = "ortler-manifest.json"
ATTEMPTS = 4

Sleep = Callable[[float], None]


@dataclass(frozen=True)
class Published:
    #: sha256 of the manifest: another one as soon as a byte of any file is another.
    digest: str
    files: int
    #: Bytes of all files.
    size: int


def publish(model: Path, target: Store, sleep: Sleep = time.sleep) -> Published:
    """Publishes the folder `model` as `target`.

    Raises StorageError when a file failed `ATTEMPTS` times. Until step 2 what was published before is then still
    whole; after it the files contradict the manifest. Either way the same call again completes it.
    """
    entries = describe(model)
    manifest = write_manifest(model, entries)
    paths = [entry["path"] for entry in entries] + [MANIFEST]
    around, name = target.beside()
    staging = f"{name}-incoming-{manifest[:12]}"
    _upload(model, paths, around, staging, sleep)
    old = _named_in(target.read(MANIFEST))
    for path in paths:
        _retried(around.move, f"{staging}/{path}", f"{name}/{path}", sleep=sleep)
    for path in sorted(old - set(paths)):
        target.remove(path)
    around.remove_folder(staging)
    return Published(manifest, len(entries), sum(entry["size"] for entry in entries))


def describe(model: Path) -> list[dict[str, Any]]:
    """The manifest's entry of every file of the folder, by path."""
    files = sorted(path for path in model.rglob("*") if path.is_file() and path.name != MANIFEST)
    return [
        {"path": file.relative_to(model).as_posix(), "size": file.stat().st_size, "sha256": _hash(file)}
        for file in files
    ]


def write_manifest(model: Path, entries: list[dict[str, Any]]) -> str:
    """Writes the manifest into the folder. Gives its hash."""
    text = json.dumps({"version": 1, "files": entries}, indent=2) + "\n"
    (model / MANIFEST).write_text(text, encoding="utf-8")
    return hashlib.sha256(text.encode()).hexdigest()


def _hash(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _upload(model: Path, paths: list[str], around: Store, staging: str, sleep: Sleep) -> None:
    there = around.sizes(staging)
    for path in paths:
        if there.get(path) != (model / path).stat().st_size:
            _retried(around.upload, model / path, f"{staging}/{path}", sleep=sleep)


def _named_in(manifest: bytes | None) -> set[str]:
    """Paths that a manifest names; none where there is none, or where it is not one of ours."""
    try:
        return {str(entry["path"]) for entry in json.loads(manifest or b"")["files"]}
    except (ValueError, KeyError, TypeError):
        return set()


def _retried(action: Callable[..., None], *arguments: Any, sleep: Sleep) -> None:
    """What failed may go through later: a server that restarts, a connection that broke."""
    for attempt in range(1, ATTEMPTS):
        try:
            return action(*arguments)
        except StorageError:
            sleep(2.0**attempt)
    return action(*arguments)

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import full

from ortler_finetune.errors import StorageError
from ortler_finetune.publish import MANIFEST, publish
from ortler_finetune.store import Store

Make = Callable[..., Path]
MakeFaulty = Callable[[Callable[[str, str], None]], Store]


def contents(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def is_whole(prefix: Path) -> bool:
    """As a reader finds out: every file that the manifest names has the size and the hash that it says."""
    if not (prefix / MANIFEST).is_file():
        return False
    for entry in json.loads((prefix / MANIFEST).read_text())["files"]:
        file = prefix / entry["path"]
        content = file.read_bytes() if file.is_file() else b""
        if (len(content), hashlib.sha256(content).hexdigest()) != (entry["size"], entry["sha256"]):
            return False
    return True


def no_sleep(seconds: float) -> None:
    assert seconds > 0


def test_the_manifest_names_every_file_with_its_size_and_hash(model: Make, target: Store, bucket: Path) -> None:
    published = publish(model("new", config_json="{}", artifacts__weights_bin="abc"), target, no_sleep)
    manifest = (bucket / "gpt2" / MANIFEST).read_bytes()
    assert json.loads(manifest) == {
        "version": 1,
        "files": [
            {"path": "artifacts/weights.bin", "size": 3, "sha256": hashlib.sha256(b"abc").hexdigest()},
            {"path": "config.json", "size": 2, "sha256": hashlib.sha256(b"{}").hexdigest()},
        ],
    }
    assert published.digest == hashlib.sha256(manifest).hexdigest()
    assert (published.files, published.size) == (2, 5)


def test_a_new_version_replaces_the_old_one_and_leaves_what_nobody_published(
    model: Make, target: Store, bucket: Path
) -> None:
    publish(model("old", config_json="1", shard_bin="1"), target, no_sleep)
    (bucket / "gpt2" / "notes.txt").write_text("mine")
    publish(model("new", config_json="2", weights_bin="2"), target, no_sleep)
    found = contents(bucket / "gpt2")
    del found[MANIFEST]
    assert found == {"config.json": "2", "weights.bin": "2", "notes.txt": "mine"}
    assert [path.name for path in bucket.iterdir()] == ["gpt2"]


def test_at_every_change_the_old_model_is_whole_or_the_manifest_says_that_it_is_not(
    model: Make, target: Store, faulty: MakeFaulty, bucket: Path
) -> None:
    publish(model("old", config_json="1", weights_bin="1"), target, no_sleep)
    seen: list[tuple[str, str, bool]] = []

    def watch(verb: str, path: str) -> None:
        seen.append((verb, path.rpartition("/")[2], is_whole(bucket / "gpt2")))

    publish(model("new", config_json="2", weights_bin="2"), faulty(watch), no_sleep)
    assert [(verb, name, whole) for verb, name, whole in seen if verb != "remove"] == [
        ("write", "config.json", True),
        ("write", "weights.bin", True),
        ("write", MANIFEST, True),
        ("move", "config.json", True),
        ("move", "weights.bin", False),
        ("move", MANIFEST, False),
    ]
    assert is_whole(bucket / "gpt2")


def test_an_interrupted_upload_leaves_the_old_model_and_goes_on_without_what_is_there(
    model: Make, target: Store, faulty: MakeFaulty, bucket: Path
) -> None:
    publish(model("old", config_json="1", weights_bin="1"), target, no_sleep)
    before = contents(bucket / "gpt2")
    new = model("new", config_json="2", weights_bin="2")

    def kill(verb: str, path: str) -> None:
        if path.endswith("weights.bin"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        publish(new, faulty(kill), no_sleep)
    assert contents(bucket / "gpt2") == before

    written: list[str] = []
    publish(new, faulty(lambda verb, path: written.append(path) if verb == "write" else None), no_sleep)
    assert [path.rpartition("/")[2] for path in written] == ["weights.bin", MANIFEST]
    assert is_whole(bucket / "gpt2")


@pytest.mark.parametrize("stopped_at", ["config.json", "weights.bin", MANIFEST])
def test_a_publication_that_stopped_between_two_moves_is_completed_by_the_same_call(
    model: Make, target: Store, faulty: MakeFaulty, bucket: Path, stopped_at: str
) -> None:
    publish(model("old", config_json="1", weights_bin="1"), target, no_sleep)
    new = model("new", config_json="2", weights_bin="2")

    def kill(verb: str, path: str) -> None:
        if verb == "move" and path.endswith(stopped_at):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        publish(new, faulty(kill), no_sleep)
    publish(new, target, no_sleep)
    assert is_whole(bucket / "gpt2")
    assert (bucket / "gpt2" / "weights.bin").read_text() == "2"
    assert [path.name for path in bucket.iterdir()] == ["gpt2"]


def test_a_connection_that_breaks_twice_is_tried_again_and_waits_longer_each_time(
    model: Make, faulty: MakeFaulty, bucket: Path
) -> None:
    failures = iter([OSError("broken"), OSError("broken")])
    waits: list[float] = []

    def break_twice(verb: str, path: str) -> None:
        if (error := next(failures, None)) is not None:
            raise error

    publish(model("new", config_json="1"), faulty(break_twice), waits.append)
    assert waits == [2.0, 4.0]
    assert is_whole(bucket / "gpt2")


def test_a_full_disk_is_told_with_the_place_and_the_file_and_leaves_nothing_in_the_prefix(
    model: Make, faulty: MakeFaulty, bucket: Path
) -> None:
    def fail(verb: str, path: str) -> None:
        raise full()

    with pytest.raises(StorageError, match=r"config\.json: no space is left there"):
        publish(model("new", config_json="1"), faulty(fail), no_sleep)
    assert not (bucket / "gpt2").exists()


def test_a_manifest_that_is_not_one_of_ours_is_replaced(model: Make, target: Store, bucket: Path) -> None:
    (bucket / "gpt2").mkdir()
    (bucket / "gpt2" / MANIFEST).write_text("no manifest")
    publish(model("new", config_json="1"), target, no_sleep)
    assert is_whole(bucket / "gpt2")

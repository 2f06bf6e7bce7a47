import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from ortler_finetune.errors import OptionError, StorageError
from ortler_finetune.store import Store, open_output, open_store

Make = Callable[..., Path]


def test_a_folder_has_the_verbs_of_a_store(model: Make, target: Store, tmp_path: Path) -> None:
    folder = model("files", config_json="{}")
    target.upload(folder / "config.json", "deep/config.json")
    target.move("deep/config.json", "moved.json")
    assert (target.sizes(), target.read("moved.json"), target.read("missing")) == ({"moved.json": 2}, b"{}", None)
    target.download("moved.json", tmp_path / "back" / "config.json")
    assert (tmp_path / "back" / "config.json").read_text() == "{}"
    target.remove("moved.json")
    target.remove_folder("deep")
    assert target.sizes() == {}


def test_a_folder_that_is_not_there_is_empty_and_can_be_removed(target: Store) -> None:
    assert target.sizes("missing") == {}
    target.remove_folder("missing")


def test_an_error_names_the_store_what_failed_and_why(target: Store) -> None:
    with (
        pytest.raises(StorageError, match=r"^the bucket cannot take model: no space is left there$"),
        target.facts("cannot take model"),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_folder_below_a_file_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"file/models/gpt2 cannot be used: .*Not a directory"):
        open_store(f"{tmp_path}/file/models/gpt2").check()


def test_checkpoints_are_kept_beside_the_model_unless_another_place_is_named(tmp_path: Path) -> None:
    def roots(checkpoints: str) -> list[str]:
        return [store.root.removeprefix(f"{tmp_path}/") for store in open_output(f"{tmp_path}/gpt2/", checkpoints)]

    assert roots("") == ["gpt2", "gpt2-checkpoints"]
    assert roots(f"{tmp_path}/gpt2-runs") == ["gpt2", "gpt2-runs"]


@pytest.mark.parametrize("checkpoints", ["s3://models/gpt2", "s3://models/gpt2/checkpoints/"])
def test_checkpoints_in_the_models_prefix_are_refused(checkpoints: str) -> None:
    with pytest.raises(OptionError, match="must not lie in --output s3://models/gpt2"):
        open_output("s3://models/gpt2", checkpoints)


def test_a_relative_path_is_taken_from_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert open_store("models/gpt2").root == f"{tmp_path}/models/gpt2"

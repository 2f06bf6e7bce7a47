"""Downloads with the real client of the Hugging Face hub, from a small one."""

import io
import subprocess
import sys
from pathlib import Path

import pyarrow
from hub import running_hub
from pyarrow import parquet


def run(code: str, endpoint: str, cache: Path) -> "subprocess.CompletedProcess[str]":
    """In a process of its own: the client reads its environment once, when it is imported."""
    environment = {"HF_ENDPOINT": endpoint, "HF_HOME": str(cache), "HF_HUB_DISABLE_XET": "1", "PYTHONPATH": "."}
    package = Path(__file__).parents[1]
    return subprocess.run([sys.executable, "-c", code], env=environment, cwd=package, capture_output=True, text=True)


def test_a_data_set_is_read_from_the_parquet_files_of_its_split(tmp_path: Path) -> None:
    files = {f"raw/{split}/0000.parquet": _parquet([split, " of the hub"]) for split in ("train", "validation")}
    code = "from ortler_finetune.texts import read_texts; print([*read_texts('hf://a/b:raw', 'text', 'validation')])"
    with running_hub("datasets/a/b", "refs/convert/parquet", files) as endpoint:
        done = run(code, endpoint, tmp_path)
    assert done.stdout == "[Piece(text='validation', ends=False), Piece(text=' of the hub', ends=False)]\n", done.stderr


def test_of_a_model_only_what_is_needed_is_fetched(tmp_path: Path) -> None:
    files = {
        "config.json": b"{}",
        "model.safetensors": b"weights",
        "pytorch_model.bin": b"old",
        "flax_model.msgpack": b"",
    }
    code = (
        "from ortler_finetune.models import fetched\n"
        "with fetched('hf://a/b') as folder: print(sorted(path.name for path in folder.iterdir()))"
    )
    with running_hub("models/a/b", "main", files) as endpoint:
        done = run(code, endpoint, tmp_path)
    assert done.stdout == "['config.json', 'model.safetensors']\n", done.stderr


def test_a_data_set_that_is_not_there_is_told_by_name(tmp_path: Path) -> None:
    code = "from ortler_finetune.texts import read_texts; print([*read_texts('hf://no/where', 'text', 'train')])"
    with running_hub("datasets/a/b", "refs/convert/parquet", {}) as endpoint:
        done = run(code, endpoint, tmp_path)
    assert "DataError: data set hf://no/where cannot be fetched from the hub" in done.stderr


def _parquet(texts: list[str]) -> bytes:
    target = io.BytesIO()
    parquet.write_table(pyarrow.table({"text": texts}), target)
    return target.getvalue()

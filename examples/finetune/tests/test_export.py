import json
from collections.abc import Callable
from pathlib import Path

import yaml

from ortler_finetune.export import export_model
from ortler_finetune.task import History

Make = Callable[..., Path]
CHECKPOINT = {"config_json": "{}", "generation_config_json": "{}", "model.safetensors": "weights", "optimizer.pt": "x"}
TOKENIZER = {"tokenizer_json": "{}", "tokenizer_config_json": '{"eos_token": "<|endoftext|>"}', "config_json": "other"}


def checkpoint_of(model: Make) -> Path:
    folder = model("checkpoint", **CHECKPOINT)
    History(losses=[4.5, 4.25], saved="2026-01-02T03:04:05+00:00").write(folder)
    return folder


def files_of(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_hugging_face_folder_has_the_tuned_model_and_the_start_models_tokenizer(model: Make, tmp_path: Path) -> None:
    export_model(checkpoint_of(model), model("start", **TOKENIZER), tmp_path / "out", "huggingface")
    assert files_of(tmp_path / "out") == [
        "config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
    ]  # fmt: skip
    assert (tmp_path / "out" / "config.json").read_text() == "{}"


def test_a_caikit_folder_has_it_as_artifacts_of_a_text_generation_module(model: Make, tmp_path: Path) -> None:
    export_model(checkpoint_of(model), model("start", **TOKENIZER), tmp_path / "out", "caikit")
    assert files_of(tmp_path / "out") == [
        "artifacts/config.json", "artifacts/generation_config.json", "artifacts/model.safetensors",
        "artifacts/tokenizer.json", "artifacts/tokenizer_config.json", "config.yml", "training_logs.jsonl",
    ]  # fmt: skip
    # The keys of a folder that Caikit itself saved, and what it says in those that do not change.
    fixture = Path(__file__).parents[3] / "test" / "fixtures" / "micro-gpt2-caikit" / "config.yml"
    written = yaml.safe_load((tmp_path / "out" / "config.yml").read_text())
    original = yaml.safe_load(fixture.read_text())
    assert written.keys() == original.keys()
    changing = ("created", "saved", "tracking_id")
    assert {key: written[key] for key in written if key not in changing} == {
        key: original[key] for key in original if key not in changing
    }
    lines = (tmp_path / "out" / "training_logs.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [{"step": 1, "loss": 4.5}, {"step": 2, "loss": 4.25}]


def test_the_same_checkpoint_gives_the_same_bytes(model: Make, tmp_path: Path) -> None:
    checkpoint, start = checkpoint_of(model), model("start", **TOKENIZER)
    for name in ("one", "two"):
        export_model(checkpoint, start, tmp_path / name, "caikit")
    one, two = tmp_path / "one", tmp_path / "two"
    assert [(one / path).read_bytes() for path in files_of(one)] == [
        (two / path).read_bytes() for path in files_of(two)
    ]


def test_a_history_is_read_as_it_was_written(tmp_path: Path) -> None:
    history = History([4.5], [(0, 171.5), (1, 72.8)], [1], "2026-01-02T03:04:05+00:00")
    history.write(tmp_path)
    assert (History.read(tmp_path), history.step) == (history, 1)

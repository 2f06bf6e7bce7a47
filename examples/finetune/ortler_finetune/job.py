"""The driver: text to blocks, workers to a checkpoint, the checkpoint to a published model."""

import hashlib
import json
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .blocks import Blocks, Order, split_blocks
from .cluster import train
from .errors import ModelError
from .export import export_model
from .models import fetched, load_tokenizer, read_facts, tokenize
from .options import Options
from .publish import Published, publish
from .store import open_output
from .task import History, Inputs


@dataclass(frozen=True)
class Report:
    run: str
    seconds: float
    history: History
    published: Published


def run(options: Options) -> Report:
    """Trains and publishes. What is certain to fail at the end is found at the start.

    Raises FinetuneError with what has to be mended; the same call then goes on from the last checkpoint.
    """
    started = time.monotonic()
    target, checkpoints = open_output(options.output, options.checkpoints)
    with fetched(options.model) as model, tempfile.TemporaryDirectory() as folder:
        inputs = Inputs(*_read_blocks(options, model), _model_files(model, options.model))
        name = _run_name(options, inputs)
        blocks = len(inputs.training)
        print(f"{blocks} blocks to train on, {len(inputs.evaluation)} to evaluate on; {name}", flush=True)
        order = Order(blocks, options.seed, options.batch_size * options.accumulate * options.workers)
        checkpoint = Path(folder, "checkpoint")
        train(options, order, inputs, checkpoints, name, checkpoint)
        export_model(checkpoint, model, Path(folder, "model"), options.format)
        published = publish(Path(folder, "model"), target)
        report = Report(name, time.monotonic() - started, History.read(checkpoint), published)
    _tell(report, options)
    return report


def _read_blocks(options: Options, model: Path) -> tuple[Blocks, Blocks]:
    facts = read_facts(model, options.model)
    tokenizer = load_tokenizer(model, facts, options.model)
    length = options.block_length or facts.context_length
    if not 2 <= length <= facts.context_length:
        raise ModelError(f"--block-length must be from 2 to the model's {facts.context_length}, got {length}")

    def read(where: str, split: str) -> Blocks:
        return tokenize(where, options.text_column, split, tokenizer, facts.end_of_text, length)

    blocks = read(options.data, "train")
    if options.evaluation_data:
        return blocks, read(options.evaluation_data, "validation")
    return split_blocks(blocks, options.evaluation_share, options.data)


def _model_files(model: Path, where: str) -> dict[str, npt.NDArray[np.uint8]]:
    """What transformers loads a model from, as bytes: safetensors where there are any, else PyTorch's files."""
    weights = sorted(model.glob("*.safetensors")) or sorted(model.glob("pytorch_model*.bin"))
    if not weights:
        raise ModelError(f"{where} has no weights: neither *.safetensors nor pytorch_model*.bin")
    small = [*model.glob("*.index.json"), model / "config.json", model / "generation_config.json"]
    return {file.name: np.fromfile(file, dtype=np.uint8) for file in [*weights, *small] if file.is_file()}


def _run_name(options: Options, inputs: Inputs) -> str:
    """One name for the same model, data and options: only such a run may go on from another's checkpoint."""
    free = ("output", "checkpoints", "format", "report", "max_failures", "model", "data", "evaluation_data")
    what = {key: value for key, value in asdict(options).items() if key not in free}
    digest = hashlib.sha256(json.dumps(what, sort_keys=True).encode())
    arrays: list[npt.NDArray[Any]] = [inputs.training, inputs.evaluation, *inputs.model.values()]
    for array in arrays:
        digest.update(hashlib.sha256(array.data).digest())
    return f"run-{digest.hexdigest()[:12]}"


def _tell(report: Report, options: Options) -> None:
    first, last = report.history.evaluations[0][1], report.history.evaluations[-1][1]
    print(f"perplexity {first:.2f} before, {last:.2f} after {report.history.step} steps", flush=True)
    print(f"published {options.output}: {report.published.files} files, sha256:{report.published.digest}", flush=True)
    if options.report:
        Path(options.report).write_text(json.dumps(asdict(report), indent=2), encoding="utf-8")

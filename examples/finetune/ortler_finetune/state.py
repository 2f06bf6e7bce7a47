"""What a checkpoint holds: the model as safetensors in Hugging Face layout, the optimizer, and the history."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from transformers import AutoModelForCausalLM
from transformers.utils import logging as transformers_logging

from .options import Options
from .task import History

_OPTIMIZER = "optimizer.pt"


@dataclass
class TrainingState:
    model: Any
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    history: History


def start_state(files: Mapping[str, npt.NDArray[np.uint8]], options: Options, device: torch.device) -> TrainingState:
    """The start model, from its files' bytes."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            content.tofile(Path(folder, name))
        return _state(Path(folder), History(), options, device)


def restore_state(folder: Path, options: Options, device: torch.device) -> TrainingState:
    """What `saved_state` wrote, to go on from there."""
    history = History.read(folder)
    history.resumed.append(history.step)
    state = _state(folder, history, options, device)
    content = torch.load(folder / _OPTIMIZER, map_location=device, weights_only=True)
    state.optimizer.load_state_dict(content["optimizer"])
    state.scaler.load_state_dict(content["scaler"])
    return state


@contextmanager
def saved_state(state: TrainingState) -> Iterator[str]:
    """A folder with the state, removed behind the block."""
    with tempfile.TemporaryDirectory() as folder:
        # Of a model larger than that several files are made: S3 copies at most 5 GB at once.
        state.model.save_pretrained(folder, max_shard_size="4GB")
        content = {"optimizer": state.optimizer.state_dict(), "scaler": state.scaler.state_dict()}
        torch.save(content, Path(folder, _OPTIMIZER))
        state.history.saved = datetime.now(UTC).isoformat(timespec="seconds")
        state.history.write(Path(folder))
        yield folder


def _state(folder: Path, history: History, options: Options, device: torch.device) -> TrainingState:
    transformers_logging.disable_progress_bar()
    # Trained weights are float32, whatever they were stored in: small updates vanish in 16 bits.
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, local_files_only=True).to(device)
    model.train()
    scaler = torch.amp.GradScaler(device.type, enabled=options.precision == "float16")
    return TrainingState(model, _optimizer(model, options), scaler, history)


def _optimizer(model: Any, options: Options) -> torch.optim.Optimizer:
    """Weight decay is for matrices: biases and the gains of LayerNorm have one dimension."""
    parameters = list(model.parameters())
    groups = [
        {"params": [each for each in parameters if each.ndim >= 2], "weight_decay": options.weight_decay},
        {"params": [each for each in parameters if each.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=options.learning_rate, betas=(0.9, 0.95))

"""What every worker runs: DDP over the same steps, each on its own blocks."""

import os
import socket
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import ray
import ray.train
import ray.train.torch
import torch
import torch.distributed

from .blocks import Blocks
from .options import Options
from .progress import Progress, say
from .schedule import learning_rate
from .state import TrainingState, restore_state, saved_state, start_state
from .task import Inputs, Task

_TYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def train_worker(config: dict[str, Any]) -> None:
    """Ray Train calls it on every worker, and again on all of them when one has died."""
    task: Task = config["task"]
    context = ray.train.get_context()
    rank, workers = context.get_world_rank(), context.get_world_size()
    say(f"worker {rank} of {workers}: process {os.getpid()} on {socket.gethostname()}")
    torch.set_num_threads(task.options.cpus_per_worker)
    device = ray.train.torch.get_device()
    options = replace(task.options, precision=_precision(task.options, device))
    Worker(task, options, rank, workers, device).run()


def _precision(options: Options, device: torch.device) -> str:
    if options.precision != "auto":
        return options.precision
    return "bfloat16" if device.type == "cuda" and torch.cuda.is_bf16_supported() else "float32"


class Worker:
    def __init__(self, task: Task, options: Options, rank: int, workers: int, device: torch.device) -> None:
        self._task = task
        self._options = options
        self._rank = rank
        self._workers = workers
        self._device = device
        inputs: Inputs = ray.get(task.inputs)
        self._training = inputs.training
        self._evaluation = inputs.evaluation
        self._state = self._restore(inputs)
        self._model = ray.train.torch.prepare_model(self._state.model)
        tokens = task.order.step_blocks * self._training.shape[1]
        self._progress = Progress(task.steps, tokens, line_every=10) if rank == 0 else None

    def run(self) -> None:
        """Trains to the last step. A run that was there already has its checkpoint, and does nothing."""
        history = self._state.history
        if not history.evaluations:
            self._evaluate()
        while history.step < self._task.steps:
            self._train(history.step)
            is_last = history.step == self._task.steps
            if is_last or history.step % self._options.evaluate_every == 0:
                self._evaluate()
            if is_last or history.step % self._options.checkpoint_every == 0:
                self._save()

    def _restore(self, inputs: Inputs) -> TrainingState:
        checkpoint = ray.train.get_checkpoint()
        # Dropout must differ between workers, and need not be the same after a restart.
        torch.manual_seed(self._options.seed * self._workers + self._rank)
        if checkpoint is None:
            return start_state(inputs.model, self._options, self._device)
        with checkpoint.as_directory() as folder:
            return restore_state(Path(folder), self._options, self._device)

    def _train(self, step: int) -> None:
        """One step: `accumulate` batches, whose gradients are summed over the workers behind the last one."""
        options, state = self._options, self._state
        rows = self._task.order.rows(step, self._rank, self._workers)
        batches = [rows[at : at + options.batch_size] for at in range(0, len(rows), options.batch_size)]
        total = torch.zeros((), device=self._device)
        for index, batch in enumerate(batches):
            with self._synchronized(index == len(batches) - 1):
                loss = self._loss(self._training, batch) / len(batches)
                state.scaler.scale(loss).backward()
            total += loss.detach()
        rate = learning_rate(step, self._task.steps, options.learning_rate, options.warmup_share)
        self._update(rate)
        mean = self._sum_over_workers(total).item() / self._workers
        state.history.losses.append(mean)
        if self._progress is not None:
            self._progress.trained(state.history.step, mean, rate)

    def _synchronized(self, is_last: bool) -> AbstractContextManager[Any]:
        return nullcontext() if is_last or self._workers == 1 else self._model.no_sync()

    def _loss(self, blocks: Blocks, rows: list[int]) -> torch.Tensor:
        """Mean over the tokens that have one before them, nats."""
        ids = torch.from_numpy(blocks[rows]).to(self._device, torch.int64)
        precision = self._options.precision
        with torch.autocast(self._device.type, _TYPES[precision], enabled=precision != "float32"):
            loss: torch.Tensor = self._model(input_ids=ids, labels=ids).loss
        return loss

    def _update(self, rate: float) -> None:
        state = self._state
        for group in state.optimizer.param_groups:
            group["lr"] = rate
        state.scaler.unscale_(state.optimizer)
        torch.nn.utils.clip_grad_norm_(state.model.parameters(), self._options.clip_norm)
        state.scaler.step(state.optimizer)
        state.scaler.update()
        state.optimizer.zero_grad(set_to_none=True)

    def _evaluate(self) -> None:
        """Perplexity of the evaluation blocks, each computed by one worker."""
        self._model.eval()
        with torch.no_grad():
            total = self._sum_of_losses()
        self._model.train()
        mean = self._sum_over_workers(total) / len(self._evaluation)
        history = self._state.history
        history.evaluations.append((history.step, mean.exp().item()))
        if self._progress is not None:
            self._progress.evaluated(*history.evaluations[-1])

    def _sum_of_losses(self) -> torch.Tensor:
        """Over this worker's share of the evaluation blocks, which all have the same number of tokens."""
        size = self._options.batch_size
        rows = list(range(self._rank, len(self._evaluation), self._workers))
        total = torch.zeros((), device=self._device, dtype=torch.float64)
        for at in range(0, len(rows), size):
            batch = rows[at : at + size]
            total += self._loss(self._evaluation, batch).double() * len(batch)
        return total

    def _sum_over_workers(self, value: torch.Tensor) -> torch.Tensor:
        if self._workers > 1:
            torch.distributed.all_reduce(value)
        return value

    def _save(self) -> None:
        """All workers must report; rank 0 has the checkpoint."""
        history = self._state.history
        step, perplexity = history.evaluations[-1]
        metrics = {"step": history.step, "loss": history.losses[-1], "perplexity": perplexity, "evaluated": step}
        if self._progress is None:
            ray.train.report(metrics)
            return
        with saved_state(self._state) as folder:
            ray.train.report(metrics, checkpoint=ray.train.Checkpoint.from_directory(folder))
        self._progress.saved(history.step)

"""Ray's side of a job: the cluster, the workers, and where their checkpoints are kept."""

from pathlib import Path

import ray
import ray.train
import ray.train.torch
from pyarrow import fs

from .blocks import Order
from .errors import TrainingError
from .options import Options
from .store import Store
from .task import Inputs, Task
from .training import train_worker


def train(options: Options, order: Order, inputs: Inputs, checkpoints: Store, run: str, target: Path) -> None:
    """Trains on the cluster and writes the last checkpoint into `target`. `run` is a folder in `checkpoints`.

    Joins the cluster that RAY_ADDRESS names or that runs on this machine, else starts one that ends with the process.
    Raises TrainingError when the cluster is too small, or when workers failed more than `--max-failures` times.
    """
    _join()
    trainer = ray.train.torch.TorchTrainer(
        train_worker,
        train_loop_config={"task": Task(options, order, order.steps(options.epochs), ray.put(inputs))},
        scaling_config=_scaling(options, ray.cluster_resources()),
        run_config=_run_config(options, checkpoints, run),
    )
    try:
        result = trainer.fit()
    except ray.train.TrainingFailedError as error:
        raise TrainingError(f"training failed: {_reason(error)}") from error
    if result.checkpoint is None:
        raise TrainingError(f"training left no checkpoint in {checkpoints.name}/{run}")
    result.checkpoint.to_directory(str(target))


def _run_config(options: Options, checkpoints: Store, run: str) -> ray.train.RunConfig:
    """Ray Train goes on with a run whose name it finds there."""
    is_s3 = isinstance(checkpoints.filesystem, fs.S3FileSystem)
    return ray.train.RunConfig(
        name=run,
        storage_path=checkpoints.root,
        storage_filesystem=checkpoints.filesystem if is_s3 else None,
        failure_config=ray.train.FailureConfig(max_failures=options.max_failures),
        checkpoint_config=ray.train.CheckpointConfig(num_to_keep=2),
    )


def _join() -> None:
    try:
        ray.init(ignore_reinit_error=True)
    except ConnectionError as error:
        raise TrainingError(f"the Ray cluster cannot be joined: {error.__cause__ or error}") from error


def _scaling(options: Options, resources: dict[str, float]) -> ray.train.ScalingConfig:
    """Ray would wait for ever for what the cluster does not have."""
    workers, cpus = options.workers, options.workers * options.cpus_per_worker
    has_cpus, has_gpus = resources.get("CPU", 0), resources.get("GPU", 0)
    if has_cpus < cpus:
        raise TrainingError(f"--workers {workers} takes {cpus} CPUs; the cluster has {has_cpus:g}")
    if options.device == "gpu" and has_gpus < workers:
        raise TrainingError(f"--workers {workers} takes {workers} GPUs; the cluster has {has_gpus:g}")
    use_gpu = options.device == "gpu" or (options.device == "auto" and has_gpus >= workers)
    return ray.train.ScalingConfig(
        num_workers=workers,
        use_gpu=use_gpu,
        resources_per_worker={"CPU": options.cpus_per_worker} | ({"GPU": 1} if use_gpu else {}),
    )


def _reason(error: BaseException) -> str:
    """The last line of a worker's traceback, which Ray's error has whole."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__

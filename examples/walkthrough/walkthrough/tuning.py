"""Runs the tuning job as one would from a terminal, and kills one of its workers on the way."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

#: Of a whole line of the job, in which Ray puts the worker's name ahead.
_WORKER = re.compile(r"worker (\d+) of \d+: process (\d+)")
_TOLD = re.compile(r"(worker \d+ of|step \d+/\d+:|perplexity |published |\d+ blocks to train|ortler_finetune:).*")


def tune(options: Mapping[str, Any], environment: Mapping[str, str], folder: Path, victim: int | None) -> Any:
    """Tunes with `options`, under their names in a file. Gives the job's report.

    Behind the second checkpoint the worker `victim` is killed once, as a node that goes away would.
    Raises RuntimeError when the job failed.
    """
    report = folder / "report.json"
    config = folder / "options.yaml"
    config.write_text(yaml.safe_dump({**options, "report": str(report)}), encoding="utf-8")
    command = [sys.executable, "-m", "ortler_finetune", "--config", str(config)]
    quiet = {"RAY_COLOR_PREFIX": "0", "RAY_DEDUP_LOGS": "0"}
    with (
        (folder / "tuning.log").open("w") as log,
        subprocess.Popen(
            command,
            env={**os.environ, **environment, **quiet},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as job,
    ):
        assert job.stdout is not None
        _follow(job.stdout, log.write, victim)
    if job.returncode != 0:
        raise RuntimeError(f"the tuning job ended with code {job.returncode}: see {folder / 'tuning.log'}")
    return json.loads(report.read_text(encoding="utf-8"))


def _follow(lines: Iterable[str], log: Any, victim: int | None) -> None:
    processes: dict[int, int] = {}
    checkpoints = 0
    for line in lines:
        log(line)
        if told := _TOLD.search(line):
            print(told.group(0), flush=True)
        if worker := _WORKER.search(line):
            processes[int(worker.group(1))] = int(worker.group(2))
        checkpoints += line.rstrip().endswith(": checkpoint")
        if victim is not None and checkpoints == 2:
            print(f"killing worker {victim}, process {processes[victim]}", flush=True)
            os.kill(processes[victim], signal.SIGKILL)
            victim = None

"""Small jobs on a real Ray with real PyTorch; left out where they are not installed."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("ray")
pytest.importorskip("torch")

REPOSITORY = Path(__file__).parents[3]
MODEL = REPOSITORY / "test" / "fixtures" / "micro-gpt2"
TEXT = REPOSITORY / "examples" / "walkthrough" / "text" / "opticks-book-1.txt"
#: Without an address each job has a cluster of its own.
ENVIRONMENT = {"RAY_COLOR_PREFIX": "0", "RAY_DEDUP_LOGS": "0", "RAY_USAGE_STATS_ENABLED": "0", "RAY_ADDRESS": "local"}

Job = subprocess.Popen[str]


def start(folder: Path, *more: str) -> Job:
    (folder / "text.txt").write_text(TEXT.read_text(encoding="utf-8")[:40_000], encoding="utf-8")
    command = [
        sys.executable, "-m", "ortler_finetune", f"--model={MODEL}", f"--data={folder / 'text.txt'}",
        f"--output={folder / 'model'}", f"--report={folder / 'report.json'}", "--workers=2", "--batch-size=4",
        "--learning-rate=0.003", "--checkpoint-every=5", "--evaluate-every=1000", "--epochs=1.5", *more,
    ]  # fmt: skip
    return Job(command, env=os.environ | ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def run_and_kill_a_worker(job: Job, at: str) -> tuple[int, str]:
    """Kills worker 1 once, when the job says `at`. Gives the exit code and the last line of the job's own."""
    workers: dict[str, int] = {}
    kills, last = 0, ""
    with job:
        assert job.stdout is not None
        for line in job.stdout:
            if worker := re.search(r"worker (\d) of 2: process (\d+)", line):
                workers[worker.group(1)] = int(worker.group(2))
            if kills == 0 and re.search(at, line):
                os.kill(workers["1"], signal.SIGKILL)
                kills = 1
            # Ray puts the process that speaks in front.
            last = last if line.startswith("(") else line
    assert kills == 1
    return job.returncode, last


def test_a_job_whose_worker_is_killed_goes_on_from_its_checkpoint_and_publishes_a_better_model(tmp_path: Path) -> None:
    # Ray Train takes a checkpoint for complete some time after the worker does: by then an earlier one is.
    code, _ = run_and_kill_a_worker(start(tmp_path, "--format=caikit"), r"step 15/\d+: checkpoint")
    assert code == 0

    history = json.loads((tmp_path / "report.json").read_text())["history"]
    assert len(history["resumed"]) == 1
    assert history["evaluations"][-1][1] < history["evaluations"][0][1] / 2
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == [
        "artifacts", "config.yml", "ortler-manifest.json", "training_logs.jsonl",
    ]  # fmt: skip


def test_a_job_whose_workers_die_too_often_fails_in_one_line_and_publishes_nothing(tmp_path: Path) -> None:
    code, last = run_and_kill_a_worker(start(tmp_path, "--max-failures=0"), "perplexity")
    assert (code, last.startswith("ortler_finetune: training failed: ")) == (1, True)
    assert not (tmp_path / "model").exists()


def test_more_workers_than_the_cluster_has_cpus_for_are_refused_in_one_line(tmp_path: Path) -> None:
    with start(tmp_path, "--cpus-per-worker=999") as job:
        output, _ = job.communicate()
    assert job.returncode == 1
    assert re.search(r"^ortler_finetune: --workers 2 takes 1998 CPUs; the cluster has \d+$", output, re.MULTILINE)

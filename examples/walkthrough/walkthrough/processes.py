"""Programs that run while a step needs them."""

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

Program = subprocess.Popen[str]


@contextmanager
def running(command: list[str], environment: Mapping[str, str], log: Path) -> Iterator[Program]:
    """Runs a program with its errors in `log`, and ends it behind the block."""
    with log.open("w") as errors:
        program = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True)
        try:
            yield program
        finally:
            program.terminate()
            program.communicate()


def wait_until(is_up: Callable[[], bool], program: Program, name: str, seconds: float) -> None:
    """Raises RuntimeError when the program ended, or is not up after so many seconds."""
    deadline = time.monotonic() + seconds
    while not is_up():
        if program.poll() is not None:
            raise RuntimeError(f"{name} ended with code {program.returncode} before it was up")
        if time.monotonic() > deadline:
            raise RuntimeError(f"{name} was not up after {seconds:g} s")
        time.sleep(0.1)

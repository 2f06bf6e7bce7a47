"""A Ray cluster of one node on this machine."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .places import free_port, is_open
from .processes import running, wait_until


@contextmanager
def running_ray(cpus: int, folder: Path) -> Iterator[dict[str, str]]:
    """Gives the variables by which a job finds it. The dashboard is on port 8265, or the next one that is free."""
    port = free_port()
    # Who reaches the ports of a cluster can run programs on it: Ray makes a token in the home folder, and wants it.
    variables = {"RAY_ADDRESS": f"127.0.0.1:{port}", "RAY_AUTH_MODE": "token"}
    command = [
        str(Path(sys.executable).parent / "ray"), "start", "--head", "--block", "--disable-usage-stats",
        f"--port={port}", f"--num-cpus={cpus}", f"--object-store-memory={256 << 20}",
        "--node-ip-address=127.0.0.1",
    ]  # fmt: skip
    # No job is left when it is ended, so it need not wait for one.
    end_at_once = {"RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0"}
    with running(command, {**os.environ, **variables, **end_at_once}, folder / "ray.log") as ray:
        wait_until(lambda: is_open(port), ray, "Ray", 60)
        yield variables

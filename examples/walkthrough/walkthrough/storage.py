"""A MinIO with one bucket."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyarrow import fs

from .places import free_port, is_open
from .processes import running, wait_until

BUCKET = "models"


@contextmanager
def running_minio(binary: str, folder: Path) -> Iterator[dict[str, str]]:
    """Gives the variables with which both the tuning job and the server reach it."""
    port = free_port()
    keys = {"AWS_ACCESS_KEY_ID": "walkthrough", "AWS_SECRET_ACCESS_KEY": "change-me-elsewhere"}
    environment = os.environ | {
        "MINIO_ROOT_USER": keys["AWS_ACCESS_KEY_ID"],
        "MINIO_ROOT_PASSWORD": keys["AWS_SECRET_ACCESS_KEY"],
        "MINIO_BROWSER": "off",
        "MINIO_UPDATE": "off",
    }
    command = [binary, "server", str(folder / "minio"), "--address", f"127.0.0.1:{port}", "--quiet"]
    with running(command, environment, folder / "minio.log") as minio:
        wait_until(lambda: is_open(port), minio, "MinIO", 30)
        variables = keys | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_DEFAULT_REGION": "us-east-1"}
        _make_bucket(variables)
        yield variables


def _make_bucket(variables: dict[str, str]) -> None:
    filesystem = fs.S3FileSystem(
        access_key=variables["AWS_ACCESS_KEY_ID"],
        secret_key=variables["AWS_SECRET_ACCESS_KEY"],
        endpoint_override=variables["AWS_ENDPOINT_URL"],
        region=variables["AWS_DEFAULT_REGION"],
        allow_bucket_creation=True,
    )
    filesystem.create_dir(BUCKET)

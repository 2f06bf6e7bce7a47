"""The same promises on a real MinIO, whose binary MINIO_BINARY names: `bash scripts/minio.sh` gives one."""

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ortler_finetune.errors import OptionError, StorageError
from ortler_finetune.publish import MANIFEST, publish
from ortler_finetune.s3 import S3Connection
from ortler_finetune.store import open_store
from ortler_finetune.texts import read_texts

BINARY = os.environ.get("MINIO_BINARY", "")
pytestmark = pytest.mark.skipif(not BINARY, reason="MINIO_BINARY is not set")
Make = Callable[..., Path]


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    data = tmp_path_factory.mktemp("minio")
    (data / "models").mkdir()  # to MinIO a folder of its data is a bucket
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    environment = {"HOME": str(data), "MINIO_ROOT_USER": "tests", "MINIO_ROOT_PASSWORD": "tests+secret"}
    minio = subprocess.Popen([BINARY, "server", str(data), "--address", address, "--quiet"], env=environment)
    try:
        _wait_until_up(address, minio)
        yield f"http://{address}"
    finally:
        minio.terminate()
        minio.wait()


def _wait_until_up(address: str, minio: "subprocess.Popen[bytes]") -> None:
    host, port = address.split(":")
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and minio.poll() is None:
        try:
            return socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            time.sleep(0.05)
    raise AssertionError("MinIO did not come up")


@pytest.fixture(autouse=True)
def credentials(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "tests")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "tests+secret")


def test_a_model_is_published_over_an_older_one(model: Make) -> None:
    target = open_store("s3://models/published")
    publish(model("old", config_json="1", shard_bin="1"), target)
    publish(model("new", config_json="22", weights_bin="2", artifacts__more_json="3"), target)
    sizes = target.sizes()
    assert sizes.pop(MANIFEST) > 0
    assert sizes == {"config.json": 2, "weights.bin": 1, "artifacts/more.json": 1}
    assert [path for path in target.beside()[0].sizes() if "incoming" in path] == []


def test_texts_are_read_from_a_prefix(model: Make) -> None:
    store = open_store("s3://models/texts")
    folder = model("texts", **{"a.txt": "one", "b.bin": "two"})
    store.upload(folder / "a.txt", "deep/a.txt")
    store.upload(folder / "b.bin", "b.bin")
    assert list(read_texts("s3://models/texts", "text", "train")) == [("one", True)]


def test_a_missing_bucket_is_told_by_name() -> None:
    with pytest.raises(StorageError, match="s3://nowhere/gpt2 cannot be used: there is no"):
        open_store("s3://nowhere/gpt2").check()


def test_a_prefix_that_is_not_there_yet_is_fine() -> None:
    open_store("s3://models/not-yet").check()


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("AWS_ACCESS_KEY_ID", "nobody", "the access key id is not known there"),
        ("AWS_SECRET_ACCESS_KEY", "wrong", "the secret access key is not the one of the access key id"),
    ],
)
def test_wrong_credentials_are_told_apart(monkeypatch: pytest.MonkeyPatch, name: str, value: str, why: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(StorageError, match=why):
        open_store("s3://models/gpt2").check()


def test_a_server_that_is_not_there_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(StorageError, match="the server cannot be reached"):
        open_store("s3://models/gpt2").check()


def test_the_bucket_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OptionError, match="AWS_S3_BUCKET is not set"):
        open_store("s3:///gpt2")
    monkeypatch.setenv("AWS_S3_BUCKET", "models")
    assert open_store("s3:///gpt2").name == "s3://models/gpt2"


def test_half_a_pair_of_keys_is_refused() -> None:
    with pytest.raises(StorageError, match="must be set together"):
        S3Connection.from_environment({"AWS_ACCESS_KEY_ID": "tests"})

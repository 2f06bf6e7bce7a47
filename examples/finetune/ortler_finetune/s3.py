"""The connection to S3, from the variables that Ortler's server reads, and what S3's errors mean."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from pyarrow import fs

from .errors import StorageError

#: The first that is set and not empty counts.
ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_S3_ENDPOINT", "S3_ENDPOINT")
REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")


@dataclass(frozen=True)
class S3Connection:
    """What is empty is left to Amazon's SDK: its endpoint, and keys from profiles or the instance's role."""

    endpoint: str
    region: str
    bucket: str
    access_key: str
    secret_key: str
    session_token: str
    authority_file: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "S3Connection":
        """Raises StorageError for half a pair of keys."""

        def first(*names: str) -> str:
            return next((value for name in names if (value := environment.get(name, ""))), "")

        access_key, secret_key = first("AWS_ACCESS_KEY_ID"), first("AWS_SECRET_ACCESS_KEY")
        if bool(access_key) != bool(secret_key):
            raise StorageError("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must be set together; one of them is empty")
        return cls(
            endpoint=first(*ENDPOINTS),
            region=first(*REGIONS) or "us-east-1",
            bucket=first("AWS_S3_BUCKET"),
            access_key=access_key,
            secret_key=secret_key,
            session_token=first("AWS_SESSION_TOKEN"),
            authority_file=first("AWS_CA_BUNDLE"),
        )

    def filesystem(self) -> fs.S3FileSystem:
        """Tries each request a few times by itself. Pickles with its keys, so that workers can use it."""
        given = {
            "endpoint_override": self.endpoint,
            "access_key": self.access_key,
            "secret_key": self.secret_key,
            "session_token": self.session_token,
            "tls_ca_file_path": self.authority_file,
        }
        return fs.S3FileSystem(
            region=self.region,
            connect_timeout=15,
            request_timeout=60,
            **{name: value for name, value in given.items() if value},
        )

    @property
    def server(self) -> str:
        return self.endpoint or "Amazon S3"


def s3_connection() -> S3Connection:
    return S3Connection.from_environment(os.environ)


_MEANINGS = {
    "NO_SUCH_BUCKET": "there is no such bucket",
    "INVALID_ACCESS_KEY_ID": "the access key id is not known there",
    "SIGNATURE_DOES_NOT_MATCH": "the secret access key is not the one of the access key id",
    "ACCESS_DENIED": "these credentials have no right to it",
    "NETWORK_CONNECTION": "the server cannot be reached",
    "REQUEST_TIME_TOO_SKEWED": "the clocks of this machine and of the server differ too much",
}


def meaning_of(error: OSError) -> str:
    """What an error of S3 says, in a few words: its code is in the text of the OSError, and nowhere else."""
    text = str(error)
    code = re.search(r"AWS Error ([A-Z_]+)", text)
    return _MEANINGS.get(code.group(1), text) if code else text

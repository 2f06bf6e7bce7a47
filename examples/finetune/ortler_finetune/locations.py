"""Where models and texts are: a path, `s3://bucket/prefix`, or `hf://owner/name[:part]` on the Hugging Face hub."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["folder", "s3", "hub"]


@dataclass(frozen=True)
class Location:
    kind: Kind
    #: A path; `bucket/prefix` without slashes at its ends, where an empty bucket is the environment's; `owner/name`.
    path: str
    #: Of the hub: a model's revision, a data set's configuration. Empty when not given.
    part: str = ""


def parse_location(text: str) -> Location:
    """Raises ValueError for an empty text, another scheme, or a name that its scheme does not have."""
    scheme, separator, rest = text.partition("://")
    if not separator:
        return Location("folder", _not_empty(text))
    if scheme == "file":
        return Location("folder", _not_empty(rest))
    if scheme == "s3":
        bucket, _, prefix = rest.partition("/")
        return Location("s3", f"{bucket}/{_not_empty(prefix.strip('/'))}")
    if scheme == "hf":
        name, _, part = rest.partition(":")
        if name.count("/") != 1 or not all(name.split("/")):
            raise ValueError(text)
        return Location("hub", name, part)
    raise ValueError(text)


def _not_empty(text: str) -> str:
    if not text:
        raise ValueError(text)
    return text

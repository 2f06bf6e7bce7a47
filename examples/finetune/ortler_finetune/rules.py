"""What values an option may have: how a text becomes a value, and the words for what is allowed."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .locations import Kind, parse_location


@dataclass(frozen=True)
class Rule:
    """`parse` raises ValueError for what `words` do not allow."""

    parse: Callable[[str], Any]
    words: str


def integer(low: int) -> Rule:
    def parse(text: str) -> int:
        value = int(text)
        if value < low:
            raise ValueError(text)
        return value

    return Rule(parse, f"a whole number of at least {low}")


def number(low: float, high: float = math.inf, *, open_low: bool = False) -> Rule:
    """A number in [low, high], or in (low, high] with `open_low`."""

    def parse(text: str) -> float:
        value = float(text)
        if not (low < value if open_low else low <= value) or not value <= high or math.isinf(value):
            raise ValueError(text)
        return value

    above = f"above {low:g}" if open_low else f"of at least {low:g}"
    return Rule(parse, f"a number {above}" + ("" if math.isinf(high) else f" and at most {high:g}"))


def choice(*allowed: str) -> Rule:
    def parse(text: str) -> str:
        if text not in allowed:
            raise ValueError(text)
        return text

    return Rule(parse, f"one of {', '.join(allowed)}")


def location(*kinds: Kind) -> Rule:
    """A place of one of `kinds`; the value stays the text, so that it can be printed as it was given."""

    def parse(text: str) -> str:
        if parse_location(text).kind not in kinds:
            raise ValueError(text)
        return text

    names = {"folder": "a path", "s3": "s3://bucket/prefix", "hub": "hf://owner/name"}
    return Rule(parse, " or ".join(names[kind] for kind in kinds))

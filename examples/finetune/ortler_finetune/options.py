"""Every option once: flags, environment, file, `--help` and the README's table come from here."""

import argparse
import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from .errors import OptionError
from .rules import Rule, choice, integer, location, number


def option(rule: Rule, doc: str, default: Any = MISSING, default_text: str | None = None) -> Any:
    """A field of `Options`. `default_text` says in words what a default of None or "" means."""
    metadata = {"rule": rule, "doc": doc, "default_text": default_text}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Options:
    """What a job is told. An empty string is "not given", where the table has words for the default."""

    output: str = option(location("s3", "folder"), "Where the model goes: s3://bucket/prefix or a folder.")
    model: str = option(
        location("s3", "folder", "hub"),
        "The GPT-2 to start from: a folder, s3://bucket/prefix or hf://owner/model.",
        "hf://openai-community/gpt2",
    )
    data: str = option(
        location("s3", "folder", "hub"),
        "Text to train on: a folder or file, s3://bucket/prefix or hf://owner/name[:configuration].",
        "hf://Salesforce/wikitext:wikitext-2-raw-v1",
    )
    evaluation_data: str = option(
        location("s3", "folder", "hub"),
        "Text to measure perplexity on, named like `--data`.",
        "",
        "the last blocks of `--data`",
    )
    evaluation_share: float = option(
        number(0.0, 0.5, open_low=True),
        "Share of the blocks kept for evaluation where there is no `--evaluation-data`.",
        0.05,
    )
    format: str = option(
        choice("huggingface", "caikit"),
        "Layout of the model: `huggingface`, or `caikit` (config.yml and artifacts).",
        "huggingface",
    )
    checkpoints: str = option(
        location("s3", "folder"),
        "Where Ray Train keeps checkpoints: s3://bucket/prefix or a folder that all nodes see.",
        "",
        "`--output` with `-checkpoints` at its end",
    )
    block_length: int = option(integer(0), "Tokens of a block.", 0, "the model's context length")
    epochs: float = option(
        number(0.0, open_low=True), "How often each block is trained on; fractions are allowed.", 1.0
    )
    batch_size: int = option(integer(1), "Blocks that one worker computes at once.", 8)
    accumulate: int = option(integer(1), "Batches of each worker that make one step (gradient accumulation).", 1)
    learning_rate: float = option(number(0.0, open_low=True), "Highest learning rate.", 5e-5)
    warmup_share: float = option(
        number(0.0, 1.0),
        "Share of the steps in which the learning rate rises; it then falls to 0 along a cosine.",
        0.05,
    )
    weight_decay: float = option(number(0.0), "Weight decay of AdamW, on matrices only.", 0.01)
    clip_norm: float = option(number(0.0, open_low=True), "Largest norm of the gradients.", 1.0)
    seed: int = option(integer(0), "Seed of the blocks' order and of dropout.", 0)
    workers: int = option(integer(1), "Ray Train workers.", 1)
    device: str = option(
        choice("auto", "cpu", "gpu"),
        "`cpu`, `gpu` (one for each worker), or `auto`: GPUs where the cluster has enough.",
        "auto",
    )
    cpus_per_worker: int = option(integer(1), "CPUs that Ray reserves for a worker, and its threads.", 1)
    precision: str = option(
        choice("auto", "float32", "bfloat16", "float16"),
        "`float32`, `bfloat16` or `float16` (mixed precision), or `auto`: bfloat16 on GPUs that have it, else float32.",
        "auto",
    )
    evaluate_every: int = option(integer(1), "Steps between evaluations.", 100)
    checkpoint_every: int = option(integer(1), "Steps between checkpoints.", 100)
    max_failures: int = option(integer(0), "How often dead workers are started again.", 3)
    text_column: str = option(
        Rule(str, "a name"),
        "Where the text is in a hub's data set and in .jsonl and .parquet files.",
        "text",
    )
    report: str = option(
        Rule(str, "a path"),
        "JSON file for the losses, the perplexities and the digest of what was published.",
        "",
        "none",
    )


def flag_of(name: str) -> str:
    return "--" + name.replace("_", "-")


def key_of(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def variable_of(name: str) -> str:
    return "ORTLER_FINETUNE_" + name.upper()


def read_options(arguments: list[str], environment: Mapping[str, str]) -> Options:
    """Flags > environment > file > defaults.

    Raises OptionError for an unknown flag or key, a bad value, or a missing `--output`; the message has the
    source, the value and the rule.
    """
    flags = vars(_parser().parse_args(arguments))
    config = flags.pop("config") or environment.get("ORTLER_FINETUNE_CONFIG") or ""
    file = _read_file(config) if config else {}
    values = {}
    for each in fields(Options):
        given = _first_given(each.name, flags, environment, file, config)
        if given is not None:
            values[each.name] = _parse(each, *given)
        elif each.default is MISSING:
            raise OptionError(f"{flag_of(each.name)} is missing: {each.metadata['doc']}")
    return Options(**values)


def _first_given(
    name: str, flags: Mapping[str, Any], environment: Mapping[str, str], file: Mapping[str, Any], config: str
) -> tuple[str, str] | None:
    """The value that counts and where it is from."""
    sources = [
        (flags.get(name), flag_of(name)),
        (environment.get(variable_of(name)), variable_of(name)),
        (file.get(key_of(name)), f"{key_of(name)} in {config}"),
    ]
    return next(((str(value), source) for value, source in sources if value not in (None, "")), None)


def _parse(each: "Field[Any]", text: str, source: str) -> Any:
    rule: Rule = each.metadata["rule"]
    try:
        return rule.parse(text)
    except ValueError:
        raise OptionError(f"{source} must be {rule.words}, got {text!r}") from None


def _read_file(path: str) -> dict[str, Any]:
    load: Callable[[str], Any] = json.loads if path.endswith(".json") else yaml.safe_load
    try:
        content = load(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise OptionError(f"--config {path} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise OptionError(f"--config {path} must hold an object of options")
    known = {key_of(each.name) for each in fields(Options)}
    for key in content:
        if key not in known:
            raise OptionError(f"--config {path} has an unknown key {key!r}; known are {', '.join(sorted(known))}")
    return content


class _Parser(argparse.ArgumentParser):
    """Tells a bad flag as every other error is told."""

    def error(self, message: str) -> Any:
        raise OptionError(message)


def _parser() -> argparse.ArgumentParser:
    description = "Fine-tunes a GPT-2 on a Ray cluster and publishes it for Ortler to serve."
    parser = _Parser(prog="ortler_finetune", description=description, allow_abbrev=False)
    parser.add_argument("--config", help="YAML or JSON file with options under their file keys.")
    for each in fields(Options):
        # argparse expands % in help texts.
        parser.add_argument(flag_of(each.name), help=each.metadata["doc"].replace("%", "%%"))
    return parser

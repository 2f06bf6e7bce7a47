"""The model to start from: brought here, and checked before anything runs."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

from .blocks import Blocks, to_blocks
from .errors import ModelError
from .locations import parse_location
from .store import open_store
from .texts import read_texts

#: Files that say how text becomes token ids. They go into the tuned model byte by byte.
TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "chat_template.jinja",
)
_WANTED = (*TOKENIZER_FILES, "config.json", "generation_config.json", "*.safetensors", "*.safetensors.index.json")
_WANTED_TORCH = ("pytorch_model*.bin", "pytorch_model.bin.index.json")


@contextmanager
def fetched(where: str) -> Iterator[Path]:
    """The model's folder: itself, a download that is removed behind the block, or the hub's cache.

    Raises ModelError where there is no model, StorageError where the store fails.
    """
    location = parse_location(where)
    if location.kind == "folder":
        yield _checked(Path(location.path), where)
    elif location.kind == "hub":
        yield _checked(_download_from_hub(location.path, location.part), where)
    else:
        with tempfile.TemporaryDirectory() as folder:
            store = open_store(where)
            store.check()
            for path in store.sizes():
                store.download(path, Path(folder, path))
            yield _checked(Path(folder), where)


def _checked(folder: Path, where: str) -> Path:
    if not folder.is_dir():
        raise ModelError(f"there is no model folder {where}")
    if not (folder / "config.json").is_file():
        raise ModelError(f"{where} is no model: it has no config.json")
    return folder


def _download_from_hub(name: str, revision: str) -> Path:
    def download(*patterns: str) -> Path:
        return Path(snapshot_download(name, revision=revision or None, allow_patterns=list(patterns)))

    try:
        folder = download(*_WANTED)
        return folder if any(folder.glob("*.safetensors")) else download(*_WANTED, *_WANTED_TORCH)
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise ModelError(f"model hf://{name} cannot be fetched from the hub: {error}") from error


@dataclass(frozen=True)
class ModelFacts:
    context_length: int
    vocabulary: int
    end_of_text: int


def read_facts(folder: Path, where: str) -> ModelFacts:
    """Raises ModelError for what is no GPT-2, or has no end of text."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError(f"{where}: config.json is not JSON: {error}") from error
    kind = config.get("model_type") if isinstance(config, dict) else None
    if kind != "gpt2":
        raise ModelError(f"{where} is a model of type {kind!r}; only gpt2 can be tuned here")
    numbers = [config.get(key) for key in ("n_positions", "vocab_size", "eos_token_id")]
    if not all(isinstance(number, int) for number in numbers):
        raise ModelError(f"{where}: config.json must have whole numbers n_positions, vocab_size and eos_token_id")
    return ModelFacts(*numbers)


def load_tokenizer(folder: Path, facts: ModelFacts, where: str) -> Any:
    """Raises ModelError when the tokenizer is missing or another model's."""
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelError(f"{where} has no tokenizer that can be read: {error}") from error
    check_tokenizer(len(tokenizer), tokenizer.eos_token_id, facts, where)
    return tokenizer


def check_tokenizer(entries: int, end_of_text: int | None, facts: ModelFacts, where: str) -> None:
    """Raises ModelError when a tokenizer with so many entries cannot be the model's own."""
    if entries > facts.vocabulary:
        raise ModelError(
            f"{where}: the tokenizer does not fit the model: it has {entries} entries, the model {facts.vocabulary}"
        )
    if end_of_text is not None and end_of_text != facts.end_of_text:
        raise ModelError(
            f"{where}: the tokenizer does not fit the model: its end of text is token {end_of_text}, "
            f"the model's {facts.end_of_text}"
        )


def tokenize(where: str, column: str, split: str, tokenizer: Any, end_of_text: int, length: int) -> Blocks:
    """Blocks of the texts at `where`, with end of text behind each document."""

    def token_ids() -> Iterator[list[int]]:
        for piece in read_texts(where, column, split):
            # No special tokens and no warning: the text is longer than the context, and is cut into blocks.
            yield tokenizer(piece.text, add_special_tokens=False, verbose=False)["input_ids"] if piece.text else []
            if piece.ends and piece.text.strip():
                yield [end_of_text]

    return to_blocks(token_ids(), length, where)

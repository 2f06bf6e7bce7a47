"""A checkpoint as the folder that is published: Hugging Face layout, or a Caikit model around it."""

import json
import shutil
import uuid
from pathlib import Path

import yaml

from .models import TOKENIZER_FILES
from .task import History

_MODEL_FILES = ("config.json", "generation_config.json", "*.safetensors", "*.safetensors.index.json")

#: The module that answers text generation in Caikit: caikit_nlp/modules/text_generation/text_generation_local.py.
_CAIKIT_MODULE_ID = "f9181353-4ccf-4572-bd1e-f12bcda26792"
_CAIKIT_MODULE = "caikit_nlp.modules.text_generation.text_generation_local.TextGeneration"


def export_model(checkpoint: Path, tokenizer: Path, folder: Path, layout: str) -> None:
    """Writes the checkpoint's model with the tokenizer's files into `folder`, in the layout that `--format` names.

    The same checkpoint gives the same bytes: an interrupted upload can go on.
    """
    model = folder / "artifacts" if layout == "caikit" else folder
    model.mkdir(parents=True, exist_ok=True)
    for pattern in _MODEL_FILES:
        for file in checkpoint.glob(pattern):
            shutil.copyfile(file, model / file.name)
    for name in TOKENIZER_FILES:
        if (tokenizer / name).is_file():
            shutil.copyfile(tokenizer / name, model / name)
    if layout == "caikit":
        _write_caikit_files(folder, model, History.read(checkpoint))


def _write_caikit_files(folder: Path, artifacts: Path, history: History) -> None:
    """`config.yml` and the training log, as `TextGeneration.save` of caikit_nlp writes them."""
    saved = history.saved.removesuffix("+00:00").replace("T", " ") + ".000000"
    config = {
        "artifact_path": artifacts.name,
        "caikit_nlp_version": "0.5.13",
        "created": saved,
        "eos_token": _end_of_text(artifacts),
        "module_class": _CAIKIT_MODULE,
        "module_id": _CAIKIT_MODULE_ID,
        "name": "Text Generation",
        "saved": saved,
        "torch_dtype": "torch.float32",
        "tracking_id": str(uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(history.losses))),
        "training_logs": "training_logs.jsonl",
        "version": "0.1.0",
    }
    (folder / "config.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    lines = [json.dumps({"step": step, "loss": loss}) for step, loss in enumerate(history.losses, start=1)]
    (folder / "training_logs.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _end_of_text(artifacts: Path) -> str | None:
    file = artifacts / "tokenizer_config.json"
    token = json.loads(file.read_text(encoding="utf-8")).get("eos_token") if file.is_file() else None
    # Older tokenizers describe the token instead of naming it.
    return token.get("content") if isinstance(token, dict) else token

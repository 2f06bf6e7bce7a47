import json
from pathlib import Path

import pytest

from ortler_finetune.errors import ModelError
from ortler_finetune.models import ModelFacts, check_tokenizer, fetched, read_facts

TINY = Path(__file__).parents[3] / "models" / "tiny"


def test_the_facts_of_the_shipped_model_are_those_of_its_configuration() -> None:
    assert read_facts(TINY, "tiny") == ModelFacts(context_length=512, vocabulary=4096, end_of_text=4095)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ('{"model_type": "llama"}', "is a model of type 'llama'; only gpt2"),
        ("[]", "is a model of type None"),
        ("{", "config.json is not JSON"),
        (json.dumps({"model_type": "gpt2", "n_positions": 8, "vocab_size": 9}), "must have whole numbers"),
    ],
)
def test_what_is_no_gpt2_is_refused(tmp_path: Path, config: str, message: str) -> None:
    (tmp_path / "config.json").write_text(config)
    with pytest.raises(ModelError, match=message):
        read_facts(tmp_path, "model")


def test_a_tokenizer_with_more_entries_than_the_model_does_not_fit() -> None:
    with pytest.raises(ModelError, match="the tokenizer does not fit the model: it has 50257 entries, the model 4096"):
        check_tokenizer(50257, 4095, ModelFacts(512, 4096, 4095), "model")


def test_a_tokenizer_with_another_end_of_text_does_not_fit() -> None:
    with pytest.raises(ModelError, match="its end of text is token 599, the model's 4095"):
        check_tokenizer(600, 599, ModelFacts(512, 4096, 4095), "model")


@pytest.mark.parametrize(("name", "message"), [("missing", "there is no model folder"), (".", "it has no config.json")])
def test_a_folder_without_a_model_is_told_as_such(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(ModelError, match=message), fetched(str(tmp_path / name)):
        pass

from pathlib import Path

import pytest

from ortler_finetune.__main__ import main
from ortler_finetune.errors import OptionError
from ortler_finetune.options import read_options


def test_flags_win_over_the_environment_the_environment_over_the_file_the_file_over_defaults(tmp_path: Path) -> None:
    file = tmp_path / "options.yaml"
    file.write_text("output: from-file\nbatchSize: 2\naccumulate: 3\nworkers: 4\n")
    environment = {"ORTLER_FINETUNE_BATCH_SIZE": "5", "ORTLER_FINETUNE_ACCUMULATE": "6", "ORTLER_FINETUNE_WORKERS": ""}
    options = read_options(["--config", str(file), "--batch-size", "7"], environment)
    assert (options.batch_size, options.accumulate, options.workers, options.output, options.epochs) == (
        7, 6, 4, "from-file", 1.0,
    )  # fmt: skip


def test_the_file_may_be_json_and_be_named_by_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "options.json"
    file.write_text('{"output": "s3://models/gpt2", "learningRate": 0.001}')
    options = read_options([], {"ORTLER_FINETUNE_CONFIG": str(file)})
    assert (options.output, options.learning_rate) == ("s3://models/gpt2", 0.001)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--output is missing: Where the model goes"),
        (["--output", "hf://a/b"], "--output must be s3://bucket/prefix or a path, got 'hf://a/b'"),
        (["--output", "s3://bucket"], "--output must be s3://bucket/prefix or a path, got 's3://bucket'"),
        (["--output", "m", "--workers", "0"], "--workers must be a whole number of at least 1, got '0'"),
        (["--output", "m", "--epochs", "nan"], "--epochs must be a number above 0, got 'nan'"),
        (["--output", "m", "--warmup-share", "2"], "must be a number of at least 0 and at most 1, got '2'"),
        (["--output", "m", "--format", "onnx"], "--format must be one of huggingface, caikit, got 'onnx'"),
        (["--output", "m", "--wrokers", "2"], "unrecognized arguments: --wrokers 2"),
        (["--output", "m", "--model", "ftp://x/y"], "--model must be s3://bucket/prefix or a path or hf://owner/name"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_the_value_and_the_rule(arguments: list[str], message: str) -> None:
    with pytest.raises(OptionError) as caught:
        read_options(arguments, {})
    assert message in str(caught.value)


def test_an_unknown_key_of_the_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "options.yaml"
    file.write_text("output: m\nbatch-size: 2\n")
    with pytest.raises(OptionError, match="unknown key 'batch-size'"):
        read_options(["--config", str(file)], {})


def test_a_bad_option_is_one_line_on_standard_error_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--output", "m", "--seed", "x"]) == 2
    assert capsys.readouterr().err == "ortler_finetune: --seed must be a whole number of at least 0, got 'x'\n"

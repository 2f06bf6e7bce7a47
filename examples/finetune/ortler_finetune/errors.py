"""What can go wrong, in facts: the message is one line that says what was found and what is needed."""


class FinetuneError(Exception):
    """Something that whoever started the job can mend. Anything else is a bug and keeps its traceback."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


class OptionError(FinetuneError):
    """An option that is missing, unknown or has a bad value."""


class DataError(FinetuneError):
    """Text that is not there, cannot be read, or is too short."""


class ModelError(FinetuneError):
    """A model that cannot be tuned, or a tokenizer that is not its own."""


class StorageError(FinetuneError):
    """A bucket or folder that is missing, refuses the credentials, or is full."""


class TrainingError(FinetuneError):
    """A cluster that is too small, or workers that failed more often than they may."""

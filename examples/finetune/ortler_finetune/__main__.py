"""`python -m ortler_finetune`: options in, a published model out, and whatever is wrong in one line."""

import os
import sys

from .errors import FinetuneError, OptionError
from .options import read_options


def main(arguments: list[str]) -> int:
    """Runs the job. Gives the exit code: 0, 1 when it failed, 2 for a bad option."""
    try:
        options = read_options(arguments, os.environ)
        # Ray, PyTorch and transformers take seconds to import: a bad option is told before.
        from .job import run

        run(options)
    except FinetuneError as error:
        print(f"ortler_finetune: {error}", file=sys.stderr)
        return 2 if isinstance(error, OptionError) else 1
    except KeyboardInterrupt:
        print("ortler_finetune: interrupted; the same command goes on from the last checkpoint", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""`python -m walkthrough`: every step, from an empty bucket to answers side by side."""

import argparse
import json
import os
import shutil
import time
from pathlib import Path

from .cluster import running_ray
from .page import draw
from .places import MODEL, REPOSITORY
from .plan import OPTIONS, OUTPUT, PROMPTS, TOKENS
from .serving import complete, serving
from .storage import running_minio
from .tuning import tune


def main() -> None:
    parser = argparse.ArgumentParser(prog="walkthrough", description=__doc__)
    parser.add_argument("--results", type=Path, default=REPOSITORY / ".cache" / "walkthrough" / "results")
    results: Path = parser.parse_args().results
    # The bucket, the logs and the job's report stay until the next run, to be looked at.
    folder = results / "run"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    started = time.monotonic()
    print("== ask the shipped model", flush=True)
    with serving(str(MODEL), {}, folder) as address:
        before = complete(address, PROMPTS, TOKENS)
    with running_minio(os.environ["MINIO_BINARY"], folder) as bucket:
        print("== tune it on two workers, and kill one of them", flush=True)
        with running_ray(2, folder) as ray:
            report = tune(OPTIONS, {**bucket, **ray}, folder, victim=1)
        print("== serve it from the bucket, and ask again", flush=True)
        with serving(OUTPUT, bucket, folder) as address:
            after = complete(address, PROMPTS, TOKENS)
    minutes = (time.monotonic() - started) / 60
    run = {"minutes": minutes, "report": report, "before": before, "after": after}
    (results / "walkthrough.json").write_text(json.dumps(run, indent=2) + "\n", encoding="utf-8")
    page = draw(run, results)
    for prompt in PROMPTS:
        print(f"\n{prompt}\n  before: {before[prompt]!r}\n  after:  {after[prompt]!r}")
    print(f"\n{minutes:.1f} minutes; the curve and the answers are in {page}")


if __name__ == "__main__":
    main()

"""What is tuned and what is asked: the same in the script and in the notebook."""

from .places import MODEL, TEXT
from .storage import BUCKET

PROMPTS = ["The Rays of Light which", "By this Experiment it appears that", "And if the Colours", "In the beginning"]
#: Tokens behind each prompt.
TOKENS = 40
OUTPUT = f"s3://{BUCKET}/gpt2"
#: Options of examples/finetune, by their file keys.
OPTIONS = {
    "model": str(MODEL),
    "data": str(TEXT),
    "output": OUTPUT,
    "workers": 2,
    "batchSize": 2,
    "accumulate": 2,
    "epochs": 6,
    "learningRate": 6e-4,
    "warmupShare": 0.1,
    "evaluationShare": 0.1,
    "evaluateEvery": 10,
    "checkpointEvery": 20,
}

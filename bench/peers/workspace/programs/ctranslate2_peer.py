"""CTranslate2: one `generate_batch` of all sequences, which tells each token as it comes."""

import json
import os

import ctranslate2
import lines


class Peer:
    version = f"ctranslate2 {ctranslate2.__version__}"

    def __init__(self, options):
        self.generator = ctranslate2.Generator(
            options["model"],
            device="cpu",
            compute_type=options["precision"],
            inter_threads=1,
            intra_threads=options["threads"],
        )
        with open(os.path.join(options["model"], "vocabulary.json"), encoding="utf-8") as file:
            self.tokens = json.load(file)

    def run(self, prompts, count, log):
        self.generator.generate_batch(
            [[self.tokens[token_id] for token_id in prompt] for prompt in prompts],
            max_batch_size=len(prompts),
            min_length=count,
            max_length=count,
            sampling_topk=1,
            include_prompt_in_result=False,
            callback=lambda step: log.record(step.batch_id, step.token_id),
        )


lines.serve(Peer)

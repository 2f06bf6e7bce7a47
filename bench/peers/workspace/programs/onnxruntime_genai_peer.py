"""onnxruntime-genai: its generator over all sequences, one token of each a step."""

import json

import lines
import numpy
import onnxruntime_genai as genai


class Peer:
    version = f"onnxruntime-genai {genai.__version__}"

    def __init__(self, options):
        config = genai.Config(options["model"])
        session_options = {"intra_op_num_threads": options["threads"]}
        config.overlay(json.dumps({"model": {"decoder": {"session_options": session_options}}}))
        self.model = genai.Model(config)

    def run(self, prompts, count, log):
        length = len(prompts[0]) + count
        parameters = genai.GeneratorParams(self.model)
        parameters.set_search_options(
            batch_size=len(prompts), max_length=length, min_length=length, do_sample=False
        )
        generator = genai.Generator(self.model, parameters)
        generator.append_tokens(numpy.array(prompts, dtype=numpy.int32))
        for _ in range(count):
            generator.generate_next_token()
            for sequence, token_id in enumerate(generator.get_next_tokens()):
                log.record(sequence, token_id)


lines.serve(Peer)

"""llama.cpp built for this machine (llama-cpp-python), through its C interface: a step is one batch of all sequences."""

import ctypes

import lines
import llama_cpp
import numpy


class Peer:
    version = f"llama-cpp-python {llama_cpp.__version__}"

    def __init__(self, options):
        llama_cpp.llama_backend_init()
        self.model = llama_cpp.llama_model_load_from_file(
            options["model"].encode(), llama_cpp.llama_model_default_params()
        )
        self.vocabulary_size = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(self.model))
        tokens = options["sequences"] * options["contextTokens"]
        parameters = llama_cpp.llama_context_default_params()
        parameters.n_ctx = parameters.n_batch = tokens
        parameters.n_seq_max = options["sequences"]
        parameters.n_threads = parameters.n_threads_batch = options["threads"]
        parameters.flash_attn_type = int(options["flashAttention"])
        parameters.kv_unified = False  # a sequence attends to its own cells only
        self.context = llama_cpp.llama_init_from_model(self.model, parameters)
        if not self.context:
            raise RuntimeError("llama.cpp made no context")
        self.batch = llama_cpp.llama_batch_init(tokens, 0, 1)

    def run(self, prompts, count, log):
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self.context), True)
        newest = self.step([(sequence, 0, prompt) for sequence, prompt in enumerate(prompts)], log)
        for position in range(len(prompts[0]), len(prompts[0]) + count - 1):
            newest = self.step([(sequence, position, [token]) for sequence, token in enumerate(newest)], log)

    def step(self, parts, log):
        """Runs each part, (sequence, position of its first token, tokens), and gives each one's next token."""
        batch = self.batch
        index = 0
        for sequence, start, tokens in parts:
            for offset, token in enumerate(tokens):
                batch.token[index] = token
                batch.pos[index] = start + offset
                batch.n_seq_id[index] = 1
                batch.seq_id[index][0] = sequence
                batch.logits[index] = offset == len(tokens) - 1
                index += 1
        batch.n_tokens = index
        if llama_cpp.llama_decode(self.context, batch) != 0:
            raise RuntimeError("llama_decode failed")
        address = ctypes.cast(llama_cpp.llama_get_logits(self.context), ctypes.c_void_p).value
        floats = (ctypes.c_float * (len(parts) * self.vocabulary_size)).from_address(address)
        newest = numpy.frombuffer(floats, dtype=numpy.float32).reshape(len(parts), -1).argmax(axis=1).tolist()
        for sequence, token in enumerate(newest):
            log.record(sequence, token)
        return newest


lines.serve(Peer)

"""PyTorch with transformers, what TGIS ran: one forward of all sequences a step over its growing cache."""

import lines
import torch
import transformers
from transformers import AutoModelForCausalLM, DynamicCache

transformers.logging.set_verbosity_error()


class Peer:
    version = f"torch {torch.__version__}, transformers {transformers.__version__}"

    def __init__(self, options):
        torch.set_num_threads(options["threads"])
        self.model = AutoModelForCausalLM.from_pretrained(
            options["model"], dtype=getattr(torch, options["precision"]), attn_implementation="sdpa"
        ).eval()

    @torch.inference_mode()
    def run(self, prompts, count, log):
        cache = DynamicCache(config=self.model.config)
        token_ids = torch.tensor(prompts)
        for _ in range(count):
            output = self.model(input_ids=token_ids, cache=cache, use_cache=True, logits_to_keep=1)
            token_ids = output.logits[:, -1].argmax(-1, keepdim=True)
            for sequence, token_id in enumerate(token_ids[:, 0].tolist()):
                log.record(sequence, token_id)


lines.serve(Peer)

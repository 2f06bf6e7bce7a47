"""GPT-2 decoding in PyTorch the way that is fastest there: compiled, over a static cache, as one CUDA graph a step.

    python3 pytorch.py '{"device": "cuda", "sizes": {...}, "streams": 64, "contextTokens": 256, "steps": 128}'

Prints a JSON object: what ran, and milliseconds a step; or what is missing. The weights are random, since speed depends
on the shape only. In PyTorch's favour, all streams have the same length, and tokens stay on the device; a graph that it
could not capture is told. On the CPU, which
is for trying the program, nothing is compiled.
"""

import json
import sys
import time

try:
    import torch
    from torch import nn
    from torch.nn import functional as F
except ImportError as error:
    print(json.dumps({"missing": f"{sys.executable} has no PyTorch: {error}"}))
    sys.exit()


class Block(nn.Module):
    def __init__(self, width, heads, streams, length):
        super().__init__()
        self.heads = heads
        self.before_attention = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.projection = nn.Linear(width, width)
        self.before_mlp = nn.LayerNorm(width)
        self.wide = nn.Linear(width, 4 * width)
        self.narrow = nn.Linear(4 * width, width)
        shape = (streams, heads, length, width // heads)
        self.register_buffer("key", torch.zeros(shape), persistent=False)
        self.register_buffer("value", torch.zeros(shape), persistent=False)

    def forward(self, hidden, position, mask):
        streams, _, width = hidden.shape
        qkv = self.qkv(self.before_attention(hidden))
        query, key, value = (part.view(streams, 1, self.heads, -1).transpose(1, 2) for part in qkv.split(width, -1))
        self.key.index_copy_(2, position, key)
        self.value.index_copy_(2, position, value)
        attended = F.scaled_dot_product_attention(query, self.key, self.value, attn_mask=mask)
        hidden = hidden + self.projection(attended.transpose(1, 2).reshape(streams, 1, width))
        return hidden + self.narrow(F.gelu(self.wide(self.before_mlp(hidden)), approximate="tanh"))


class Gpt2(nn.Module):
    def __init__(self, sizes, streams, length):
        super().__init__()
        width = sizes["width"]
        self.tokens = nn.Embedding(sizes["vocabularySize"], width)
        self.positions = nn.Embedding(sizes["positions"], width)
        self.blocks = nn.ModuleList(Block(width, sizes["heads"], streams, length) for _ in range(sizes["layers"]))
        self.last = nn.LayerNorm(width)
        self.register_buffer("places", torch.arange(length), persistent=False)

    def forward(self, token_ids, position):
        mask = (self.places <= position).view(1, 1, 1, -1)
        hidden = self.tokens(token_ids) + self.positions(position)
        for block in self.blocks:
            hidden = block(hidden, position, mask)
        return F.linear(self.last(hidden), self.tokens.weight).argmax(-1)


WARM_UP = 8
# Steps after which positions begin again: the whole static cache is read in each step, so it must not be much longer than
# what is cached on average.
SPAN = 16


def skipped_graphs():
    """How often compiled code ran without the CUDA graph that was asked for."""
    from torch._dynamo.utils import counters

    return counters["inductor"]["cudagraph_skips"]


@torch.no_grad()
def measure(device, sizes, streams, contextTokens, steps):
    """Milliseconds a step, with contextTokens cached tokens on average."""
    with torch.device(device):
        model = Gpt2(sizes, streams, contextTokens + SPAN // 2).eval()
        token_ids = torch.zeros((streams, 1), dtype=torch.long)
        positions = (contextTokens - SPAN // 2 + torch.arange(WARM_UP + steps) % SPAN).view(-1, 1)
    step = model if device == "cpu" else torch.compile(model, fullgraph=True, dynamic=False, mode="reduce-overhead")
    for index, position in enumerate(positions):
        if index == WARM_UP:
            synchronize(device)
            start = time.perf_counter()
        token_ids = step(token_ids, position).clone()
    synchronize(device)
    return 1000 * (time.perf_counter() - start) / steps


def synchronize(device):
    if device != "cpu":
        torch.cuda.synchronize(device)


def main(task):
    device = task["device"]
    if device != "cpu" and not torch.cuda.is_available():
        return {"missing": f"PyTorch {torch.__version__} sees no CUDA device"}
    torch.set_default_dtype(torch.float32 if device == "cpu" else torch.float16)
    how = "float32, not compiled" if device == "cpu" else "float16, compiled, static cache"
    step_ms = measure(**task)
    if device != "cpu" and skipped_graphs() > 0:
        how += ", without CUDA graphs"
    return {"version": f"PyTorch {torch.__version__}, {how}", "stepMs": step_ms}


print(json.dumps(main(json.loads(sys.argv[1]))))

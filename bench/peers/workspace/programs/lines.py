"""A peer's side of the protocol (bench/peers/protocol.ts): one JSON object a line, asked and answered."""

import json
import os
import sys
import time
import traceback


class Log:
    """What a run gave: when each sequence had how many tokens, in milliseconds since the run began, and which."""

    def __init__(self, sequences):
        self.start = time.perf_counter()
        self.arrivals = [[] for _ in range(sequences)]
        self.token_ids = [[] for _ in range(sequences)]

    def record(self, sequence, token_id):
        self.token_ids[sequence].append(int(token_id))
        ms = 1000 * (time.perf_counter() - self.start)
        self.arrivals[sequence].append({"ms": ms, "tokens": len(self.token_ids[sequence])})


def serve(load):
    """Answers until standard input ends. `load(options)` gives an object with `version` and `run(prompts, count, log)`."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print must not come between the answers
    peer = None
    for line in sys.stdin:
        question = json.loads(line)
        try:
            if question["op"] == "load":
                peer = load(question)
                answer = {"version": peer.version}
            else:
                log = Log(len(question["prompts"]))
                peer.run(question["prompts"], question["newTokens"], log)
                answer = {"arrivals": log.arrivals, "tokenIds": log.token_ids}
        except Exception as error:  # told to whoever asked, who leaves this peer out
            traceback.print_exc()
            answer = {"failed": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")

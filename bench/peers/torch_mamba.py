"""Hugging Face's Mamba on the CPU as a contender of the suite mamba: directory, dtype, threads.

MambaForCausalLM as it is where the CUDA packages are not: what its warning calls the slow path, a loop over the steps in
PyTorch. The head works on the last token only, and no cache is kept where none is needed. A single token is the class's own
cached step.
"""

import itertools
import json
import os
import sys

from torch_contender import prepare, serve


class Pass:
    """Over so many tokens. A long one takes minutes: the result of the timed one is the result."""

    def __init__(self, model, tokens):
        self.model, self.tokens, self.kept = model, tokens, None

    def run(self):
        self.kept = self.model(input_ids=self.tokens, use_cache=False, logits_to_keep=1).logits[0, -1]
        return self.kept

    def result(self):
        return self.run() if self.kept is None else self.kept


class Stream:
    def __init__(self, model, prompt):
        self.model = model
        self.cache = model(input_ids=prompt, use_cache=True, logits_to_keep=1).cache_params

    def push(self, token):
        out = self.model(input_ids=token, cache_params=self.cache, use_cache=True, logits_to_keep=1)
        self.cache = out.cache_params
        return out.logits[0, -1]


def load():
    directory, dtype, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    os.environ.setdefault("TRANSFORMERS_OFFLINE", "1")
    torch = prepare(threads)
    import transformers

    with open(os.path.join(directory, "inputs.json"), encoding="utf-8") as file:
        inputs = json.load(file)
    ids, prompt, steps = torch.tensor([inputs["ids"]]), inputs["prompt"], inputs["steps"]
    model = transformers.MambaForCausalLM.from_pretrained(directory, dtype=getattr(torch, dtype)).eval()

    stream, tokens = Stream(model, ids[:, :prompt]), itertools.cycle(ids.split(1, dim=1))

    def streamed():
        """From the beginning, not where the timed stream stands."""
        own = Stream(model, ids[:, :prompt])
        return [own.push(token) for token in ids[:, prompt : prompt + steps].split(1, dim=1)][-1]

    passes = {f"{length} tokens": Pass(model, ids[:, :length]) for length in inputs["lengths"]}
    workloads = {"one token": lambda: stream.push(next(tokens))}
    workloads.update((name, each.run) for name, each in passes.items())
    outputs = {"one token": streamed}
    outputs.update((name, each.result) for name, each in passes.items())
    return {"transformers": f"transformers {transformers.__version__}"}, workloads, outputs


if __name__ == "__main__":
    serve(load)

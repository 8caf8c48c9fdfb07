"""Hugging Face's Mamba on the CPU as a contender of the suite mamba: directory, dtype, threads.

MambaForCausalLM as it is where the CUDA packages are not: what its warning calls the slow path, a loop over the steps in
PyTorch. The head works on the last token only, and no cache is kept where none is needed. A single token is the class's own
cached step. See bench/serve.ts for the lines that are read and written.
"""

import json
import os
import sys
import time


def load(directory, dtype, threads):
    os.environ.setdefault("TRANSFORMERS_OFFLINE", "1")
    os.environ["OMP_NUM_THREADS"] = str(threads)
    import torch
    import transformers
    from transformers import MambaForCausalLM

    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    with open(os.path.join(directory, "inputs.json"), encoding="utf-8") as file:
        inputs = json.load(file)
    ids, prompt, steps = inputs["ids"], inputs["prompt"], inputs["steps"]
    model = MambaForCausalLM.from_pretrained(directory, dtype=getattr(torch, dtype)).eval()

    def forward(count):
        tokens = torch.tensor([ids[:count]])
        return lambda: model(input_ids=tokens, use_cache=False, logits_to_keep=1).logits[0, -1]

    class Stream:
        def __init__(self):
            tokens = torch.tensor([ids[:prompt]])
            self.cache = model(input_ids=tokens, use_cache=True, logits_to_keep=1).cache_params
            self.at = prompt

        def push(self):
            token = torch.tensor([[ids[self.at % len(ids)]]])
            self.at += 1
            out = model(input_ids=token, cache_params=self.cache, use_cache=True, logits_to_keep=1)
            self.cache = out.cache_params
            return out.logits[0, -1]

    def streamed():
        """From the beginning, not where the timed stream stands."""
        own = Stream()
        return [own.push() for _ in range(steps)][-1]

    stream = Stream()
    workloads = {"one token": stream.push}
    for length in inputs["lengths"]:
        workloads[f"{length} tokens"] = forward(length)
    info = {"version": f"torch {torch.__version__}", "transformers": f"transformers {transformers.__version__}"}
    return info, workloads, {**workloads, "one token": streamed}


def main():
    directory, dtype, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    try:
        info, workloads, outputs = load(directory, dtype, threads)
    except Exception as error:  # whatever is missing, the peer is absent
        print("ABSENT", type(error).__name__, str(error).split("\n")[0], flush=True)
        return
    print("READY", json.dumps({**info, "workloads": list(workloads), "outputs": list(outputs)}), flush=True)
    results = {}
    for line in sys.stdin:
        command, name, argument = line.rstrip("\n").split("\t")
        if command == "RUN":
            cpu = time.process_time()
            ms = []
            for _ in range(int(argument)):
                start = time.perf_counter()
                results[name] = workloads[name]()
                ms.append((time.perf_counter() - start) * 1e3)
            print("TIMES", json.dumps({"ms": ms, "cpu": time.process_time() - cpu}), flush=True)
        if command == "OUT":
            # A long pass takes minutes: the result of the timed one is the result. A stream has moved on; it begins again.
            kept = None if name == "one token" else results.get(name)
            result = outputs[name]() if kept is None else kept
            result.float().contiguous().numpy().tofile(argument)
            print("WROTE", flush=True)


if __name__ == "__main__":
    main()

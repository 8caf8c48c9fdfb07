"""What every PyTorch contender of bench/interleave.ts says and is told. See bench/serve.ts for the lines."""

import json
import sys
import time


def prepare(threads):
    """PyTorch with so many threads, without gradients."""
    import torch

    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    return torch


def serve(load):
    """Answers until standard input ends; whatever `load` raises makes the contender absent.

    load() gives versions to report beside PyTorch's own, and by name functions that can be timed and functions whose tensors
    can be compared.
    """
    try:
        versions, workloads, outputs = load()
        import torch  # not before: a contender may set variables that its import reads
    except Exception as error:  # whatever is missing, the peer is absent
        print("ABSENT", type(error).__name__, str(error).split("\n")[0], flush=True)
        return
    info = {"version": f"torch {torch.__version__}", **versions, "workloads": list(workloads), "outputs": list(outputs)}
    print("READY", json.dumps(info), flush=True)
    for line in sys.stdin:
        command, name, argument = line.rstrip("\n").split("\t")
        if command == "RUN":
            print("TIMES", json.dumps(timed(workloads[name], int(argument))), flush=True)
        if command == "OUT":
            outputs[name]().float().contiguous().numpy().tofile(argument)
            print("WROTE", flush=True)


def timed(run, count):
    """Milliseconds of every run, and seconds of processor time of all threads for all of them."""
    cpu = time.process_time()
    ms = []
    for _ in range(count):
        start = time.perf_counter()
        run()
        ms.append((time.perf_counter() - start) * 1e3)
    return {"ms": ms, "cpu": time.process_time() - cpu}

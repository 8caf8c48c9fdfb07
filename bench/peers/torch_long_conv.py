"""The long convolution of Hyena in PyTorch as a contender of bench/interleave.ts: threads, folder of inputs, names of cases.

A case is "length channels"; <folder>/<name>.f32 holds u and k, [length, channels] each, and D. Sequences lie channel by channel,
as PyTorch's transforms like them. See bench/serve.ts for the lines that are read and written.
"""

import json
import os
import sys
import time


def case(torch, folder, name):
    length, channels = map(int, name.split(" "))
    numbers = torch.from_file(os.path.join(folder, name + ".f32"), size=(2 * length + 1) * channels, dtype=torch.float32)
    u = numbers[: length * channels].view(length, channels).t().contiguous()
    k = numbers[length * channels : 2 * length * channels].view(length, channels).t().contiguous()
    skip = numbers[2 * length * channels :].clone().unsqueeze(1)
    size = 2 * length

    def run():
        spectrum = torch.fft.rfft(u, n=size) * torch.fft.rfft(k, n=size)
        return torch.fft.irfft(spectrum, n=size)[:, :length].addcmul(u, skip)

    return run


def main():
    threads, folder, names = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    try:
        import torch

        torch.set_num_threads(threads)
        torch.set_grad_enabled(False)
        workloads = {name: case(torch, folder, name) for name in names}
    except Exception as error:  # whatever is missing, the peer is absent
        print("ABSENT", type(error).__name__, str(error).split("\n")[0], flush=True)
        return
    info = {"version": f"torch {torch.__version__}", "workloads": names, "outputs": names}
    print("READY", json.dumps(info), flush=True)
    for line in sys.stdin:
        command, name, argument = line.rstrip("\n").split("\t")
        if command == "RUN":
            cpu = time.process_time()
            ms = []
            for _ in range(int(argument)):
                start = time.perf_counter()
                workloads[name]()
                ms.append((time.perf_counter() - start) * 1e3)
            print("TIMES", json.dumps({"ms": ms, "cpu": time.process_time() - cpu}), flush=True)
        if command == "OUT":
            workloads[name]().t().contiguous().numpy().tofile(argument)
            print("WROTE", flush=True)


if __name__ == "__main__":
    main()

"""The long convolution of Hyena in PyTorch as a contender of bench/interleave.ts: threads, folder of inputs, names of cases.

A case is "length channels"; <folder>/<name>.f32 holds u and k, [length, channels] each, and D. Sequences lie channel by channel,
as PyTorch's transforms like them.
"""

import os
import sys

from torch_contender import prepare, serve


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


def load():
    threads, folder, names = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    torch = prepare(threads)
    workloads = {name: case(torch, folder, name) for name in names}
    return {}, workloads, {name: lambda run=run: run().t() for name, run in workloads.items()}


if __name__ == "__main__":
    serve(load)

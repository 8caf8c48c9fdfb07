"""The selective scan in PyTorch as a contender of bench/interleave.ts: file of numbers, threads, names of cases.

PyTorch has no such operator on a CPU. As vectorised as a recurrence allows: decays and inputs of a block of steps at once,
one fused in-place multiply-add a step over all channels and states, the product with C over the block at once; blocks of a
length that is fastest here.
"""

import sys
import time

from torch_contender import prepare, serve

STATES = 16


def arrays(torch, numbers, channels, steps, batch):
    """As bench/scan-case.ts makes them."""
    at = 0

    def take(*shape):
        nonlocal at
        count = 1
        for size in shape:
            count *= size
        at += count
        return numbers[at - count : at].clone().view(*shape)

    u = take(batch, steps, channels)
    delta = take(batch, steps, channels) * 0.5
    z = take(batch, steps, channels)
    b = take(batch, steps, STATES)
    c = take(batch, steps, STATES)
    d = take(channels) * 0.1 + 1
    bias = take(channels) - 4
    a = -torch.arange(1, STATES + 1, dtype=torch.float32).repeat(channels, 1)
    return u, delta, z, a, b, c, d, bias


def scan(torch, given, block):
    u, delta, z, a, b, c, d, bias = given
    batch, steps, channels = u.shape
    dt = torch.nn.functional.softplus(delta + bias)
    dt_u = dt * u
    state = u.new_zeros(batch, channels, STATES)
    y = torch.empty_like(u)
    for begin in range(0, steps, block):
        part = slice(begin, min(begin + block, steps))
        decays = torch.exp(dt[:, part].unsqueeze(3) * a)
        states = dt_u[:, part].unsqueeze(3) * b[:, part].unsqueeze(2)
        for decay, current in zip(decays.unbind(1), states.unbind(1)):
            state = current.addcmul_(decay, state)
        torch.matmul(states, c[:, part].unsqueeze(3), out=y[:, part].unsqueeze(3))
    return y.addcmul_(u, d).mul_(torch.nn.functional.silu(z))


def case(torch, numbers, name):
    given = arrays(torch, numbers, *map(int, name.split(" ")))
    times = {}
    for block in (4, 8, 16, 32):
        for _ in range(2):
            start = time.perf_counter()
            scan(torch, given, block)
            times[block] = min(times.get(block, 1e9), time.perf_counter() - start)
    best = min(times, key=times.get)
    return lambda: scan(torch, given, best)


def load():
    file, threads, names = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    torch = prepare(threads)
    sizes = [tuple(map(int, name.split(" "))) for name in names]
    size = max((3 * c + 2 * STATES) * s * b + 2 * c for c, s, b in sizes)
    numbers = torch.from_file(file, size=size, dtype=torch.float32).clone()
    workloads = {name: case(torch, numbers, name) for name in names}
    return {}, workloads, workloads


if __name__ == "__main__":
    serve(load)

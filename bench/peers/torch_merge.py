"""Local token merging in PyTorch as a contender of bench/interleave.ts: file of numbers, threads, names of cases.

A case is "tokens channels k" with k = 0 for global; a quarter of the tokens goes. As vectorised as PyTorch allows: a small
neighbourhood is one multiply-reduce per diagonal, a batched product with windows or a masked matrix product, whichever is
fastest here, the global one a matrix product of normalised tokens in blocks of rows.
"""

import sys
import time

from torch_contender import prepare, serve


def together(name):
    """Merges a run, as in bench/merge-case.ts."""
    return 1 if name.endswith(" 0") else 8


def pairwise(torch, a, b):
    """k = 1: cosine of the two tokens of every pair, without writing normalised tokens."""
    dot = (a * b).sum(1)
    norms = torch.linalg.vector_norm(a, dim=1).clamp_min(1e-12) * torch.linalg.vector_norm(b, dim=1).clamp_min(1e-12)
    return dot / norms


def band(torch, a, b, k):
    """Best B token of every A token fewer than k pairs away: one multiply-reduce per diagonal."""
    pairs = a.shape[0]
    normal_a = torch.nn.functional.normalize(a, dim=1)
    normal_b = torch.nn.functional.normalize(b, dim=1)
    scores = a.new_full((2 * k - 1, pairs), float("-inf"))
    for offset in range(1 - k, k):  # B token i + offset
        begin, end = max(0, -offset), min(pairs, pairs - offset)
        products = normal_a[begin:end] * normal_b[begin + offset : end + offset]
        torch.sum(products, 1, out=scores[offset + k - 1, begin:end])
    best, diagonal = scores.max(0)
    return best, diagonal + torch.arange(pairs) + (1 - k)


def masked(torch, a, b, outside):
    """The same by all products, of which few count: the faster way where there are few tokens and many channels."""
    normal_a = torch.nn.functional.normalize(a, dim=1)
    scores = torch.mm(normal_a, torch.nn.functional.normalize(b, dim=1).t())
    return scores.masked_fill_(outside, float("-inf")).max(1)


def windows(torch, a, b, k):
    """The same by a batched product of A tokens with the strided view of the B tokens around each."""
    pairs, channels = a.shape
    normal_a = torch.nn.functional.normalize(a, dim=1)
    padded = torch.nn.functional.pad(torch.nn.functional.normalize(b, dim=1), (0, 0, k - 1, k - 1))
    view = padded.as_strided((pairs, 2 * k - 1, channels), (channels, channels, 1))
    scores = torch.bmm(view, normal_a.unsqueeze(2)).squeeze(2)
    for near in range(k - 1):  # no B token before the first one and after the last one
        scores[near, : k - 1 - near] = float("-inf")
        scores[pairs - 1 - near, k + near :] = float("-inf")
    best, place = scores.max(1)
    return best, place + torch.arange(pairs) + (1 - k)


def everywhere(torch, a, b):
    """All pairs: a matrix product a block of rows at a time, so that scores stay in the cache."""
    normal_a = torch.nn.functional.normalize(a, dim=1)
    transposed = torch.nn.functional.normalize(b, dim=1).t()
    found = [torch.mm(rows, transposed).max(1) for rows in normal_a.split(512)]
    return torch.cat([values for values, _ in found]), torch.cat([places for _, places in found])


def merge(torch, x, r, match):
    tokens, channels = x.shape
    pairs = tokens // 2
    a, b = x[: 2 * pairs : 2], x[1 : 2 * pairs : 2]
    best, choice = match(a, b)
    source = torch.topk(best, r, sorted=False).indices
    target = 2 * choice[source] + 1
    kept = torch.ones(tokens, dtype=torch.bool)
    kept[2 * source] = False
    place = torch.cumsum(kept, 0) - 1
    place[2 * source] = place[target]
    merged = x[kept]
    merged.index_add_(0, place[target], x[2 * source])
    sizes = torch.ones(tokens - r).index_add_(0, place[target], torch.ones(r))
    merged.div_(sizes.unsqueeze(1))
    return merged, place, best, choice


def fastest(torch, x, candidates, r):
    """Of several ways to match the one that is fastest here."""
    if len(candidates) == 1:
        return candidates[0]
    best = []
    for match in candidates:
        times = []
        for _ in range(5):
            start = time.perf_counter()
            merge(torch, x, r, match)
            times.append(time.perf_counter() - start)
        best.append(min(times))
    return candidates[best.index(min(best))]


def case(torch, numbers, name):
    tokens, channels, k = map(int, name.split(" "))
    x = numbers[: tokens * channels].view(tokens, channels)
    if k == 1:
        candidates = [lambda a, b: (pairwise(torch, a, b), torch.arange(a.shape[0]))]
    elif k == 0 or k >= tokens // 2:
        candidates = [lambda a, b: everywhere(torch, a, b)]
    else:
        candidates = [lambda a, b: band(torch, a, b, k), lambda a, b: windows(torch, a, b, k)]
        if tokens <= 4096:  # beyond, the matrix costs many times the band
            places = torch.arange(tokens // 2)
            outside = (places.unsqueeze(0) - places.unsqueeze(1)).abs() >= k
            candidates.append(lambda a, b: masked(torch, a, b, outside))
    match = fastest(torch, x, candidates, tokens // 4)
    return lambda: merge(torch, x, tokens // 4, match)


def repeated(run, count):
    def several():
        for _ in range(count):
            run()

    return several


def load():
    file, threads, names = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    torch = prepare(threads)
    size = max(int(name.split(" ")[0]) * int(name.split(" ")[1]) for name in names)
    numbers = torch.from_file(file, size=size, dtype=torch.float32).clone()
    cases = {name: case(torch, numbers, name) for name in names}
    workloads = {name: repeated(run, together(name)) for name, run in cases.items()}
    # Tokens and result stay where they are in any case.
    workloads.update({"call " + name: run for name, run in workloads.items()})

    def flat(parts):
        return torch.cat([part.reshape(-1).to(torch.float32) for part in parts])

    return {}, workloads, {name: lambda run=run: flat(run()) for name, run in cases.items()}


if __name__ == "__main__":
    serve(load)

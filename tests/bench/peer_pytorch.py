#!/usr/bin/python3
"""Eager PyTorch doing the traced attention layer, one run a line on standard input: the peer of `headlight bench`.

Usage: peer_pytorch.py layer N D HEADS THREADS [every]   Each line "run" is answered by the seconds of one run (processor time on one thread, wall time on more);
"check" by sums of the pattern and the residual, to prove that both sides computed the same. With `every` all stages of
Headlight's full trace are kept, as hooks on every stage would.
"""
import math
import sys
import time

import torch


def formula(rows, columns, k, size):
    i = torch.arange(rows, dtype=torch.float64).reshape(-1, 1)
    j = torch.arange(columns, dtype=torch.float64)
    return (torch.sin(k + 0.7 * i + 1.3 * j + 0.01 * i * j) * size).float()


def main():
    what, n, d, heads, threads = sys.argv[1], *map(int, sys.argv[2:6])
    every = len(sys.argv) > 6
    assert what == "layer"
    torch.set_num_threads(threads)
    clock = time.process_time if threads == 1 else time.perf_counter
    dh = d // heads
    size = 1 / math.sqrt(d)
    x = formula(n, d, 0, 1)
    W_qkv = torch.cat([formula(d, d, k, size) for k in (1, 2, 3)], 1).contiguous()
    b_qkv = torch.cat([formula(1, d, k, 0.1)[0] for k in (5, 6, 7)]).contiguous()
    W_o, b_o = formula(d, d, 4, size), formula(1, d, 8, 0.1)[0]
    gain, bias = 1 + formula(1, d, 9, 0.1)[0], formula(1, d, 10, 0.1)[0]
    hidden = torch.ones(n, n, dtype=torch.bool).triu(1)

    def layer():
        kept = {}
        normed = kept["norm"] = torch.layer_norm(x, (d,), gain, bias, 1e-5)
        qkv = kept["qkv"] = torch.addmm(b_qkv, normed, W_qkv)
        q, k, v = (t.reshape(n, heads, dh).transpose(0, 1) for t in qkv.split(d, 1))
        scores = torch.matmul(q, k.transpose(1, 2))
        if every:
            kept["raw"] = scores
            scores = kept["scores"] = scores * (1 / math.sqrt(dh))
        else:
            scores = kept["scores"] = scores.mul_(1 / math.sqrt(dh))
        masked = kept["masked"] = scores.masked_fill(hidden, -math.inf)
        if every:
            top = kept["max"] = masked.amax(-1, keepdim=True)
            e = kept["exp"] = torch.exp(masked - top)
            total = kept["sum"] = e.sum(-1, keepdim=True)
            pattern = kept["pattern"] = e / total
        else:
            pattern = kept["pattern"] = torch.softmax(masked, -1)
        z = kept["z"] = torch.matmul(pattern, v)
        concat = kept["concat"] = z.transpose(0, 1).reshape(n, d)
        if every:
            kept["result"] = torch.matmul(z, W_o.reshape(heads, dh, d))
        out = kept["out"] = torch.addmm(b_o, concat, W_o)
        kept["residual"] = x + out
        return kept

    print("ready", torch.__version__, flush=True)
    with torch.no_grad():
        for line in sys.stdin:
            if line.strip() == "run":
                start = clock()
                kept = layer()
                print(clock() - start, flush=True)
                del kept
            elif line.strip() == "check":
                kept = layer()
                r, p = kept["residual"].double(), kept["pattern"].double()
                print(r.sum().item(), (r * r).sum().item(), (p * p).sum().item(), flush=True)
                del kept


main()

#!/usr/bin/python3
"""Makes positions.json: position codes in PyTorch float64 arithmetic, written from the papers.

Run with Debian's python3-torch (1.13): /usr/bin/python3 tests/goldens/make_positions.py
"""
import json
import math
import os

import torch

torch.set_default_dtype(torch.float64)
torch.manual_seed(20240613)
out = {"made_by": "PyTorch " + torch.__version__}


def store(name, **tensors):
    out[name] = {k: v.tolist() if isinstance(v, torch.Tensor) else v for k, v in tensors.items()}


# RoPE as complex numbers: torch.polar and view_as_complex (the paper's pairs: 2i, 2i + 1).
n, d, first, base = 6, 8, 5, 700.0
x = torch.randn(n, d)
theta = base ** (-torch.arange(0, d, 2) / d)
turn = torch.polar(torch.ones(n, d // 2), torch.outer(torch.arange(first, first + n), theta))
interleaved = torch.view_as_real(torch.view_as_complex(x.reshape(n, d // 2, 2)) * turn).reshape(n, d)
# The halves pairing as LLaMA's code in Hugging Face's layout has it: x cos + rotate_half(x) sin.
angle = torch.outer(torch.arange(first, first + n), theta)
cos, sin = torch.cat([angle, angle], 1).cos(), torch.cat([angle, angle], 1).sin()
rotate_half = torch.cat([-x[:, d // 2:], x[:, :d // 2]], 1)
store("rope", x=x, first=first, base=base, interleaved=interleaved, halves=x * cos + rotate_half * sin)

# Sinusoids by torch's outer product and stacking.
p = torch.outer(torch.arange(9.0), 10000 ** (-torch.arange(0, 10, 2) / 10))
store("sinusoidal", table=torch.stack([p.sin(), p.cos()], 2).reshape(9, 10))

# Shaw's relative attention: an [n_query, n_key, d] tensor of gathered rows and two einsums.
n, d, d_value, k = 6, 4, 3, 2
q, key, v = torch.randn(n, d), torch.randn(n, d), torch.randn(n, d_value)
a_key, a_value = torch.randn(2 * k + 1, d), torch.randn(2 * k + 1, d_value)
row = (torch.arange(n)[None, :] - torch.arange(n)[:, None]).clamp(-k, k) + k
scores = (q @ key.T + torch.einsum("id,ijd->ij", q, a_key[row])) / math.sqrt(d)
pattern = torch.softmax(scores.masked_fill(torch.ones(n, n).triu(1).bool(), -math.inf), 1)
store("relative", q=q, k=key, v=v, reach=k, keys=a_key, values=a_value, scores=scores, pattern=pattern,
      output=pattern @ v + torch.einsum("ij,ijd->id", pattern, a_value[row]))


# T5's buckets in whole numbers: no logarithm, so no rounding at the boundaries.
def bucket(offset, n_buckets, max_distance, bidirectional):
    side = 0
    if bidirectional:
        n_buckets //= 2
        side = n_buckets if offset > 0 else 0
    elif offset > 0:
        return 0
    r, e = abs(offset), n_buckets // 2
    if r < e:
        return side + r
    steps = 0  # largest t with (r / e)^(b - e) >= (max / e)^t
    while steps < n_buckets - e - 1 and r ** (n_buckets - e) * e ** (steps + 1) >= \
            max_distance ** (steps + 1) * e ** (n_buckets - e):
        steps += 1
    return side + e + steps


offsets = list(range(-200, 201))
store("t5", offsets=offsets, encoder=[bucket(o, 32, 128, True) for o in offsets],
      decoder=[bucket(o, 32, 128, False) for o in offsets],
      small=[bucket(o, 12, 50, True) for o in offsets])


# ALiBi slopes by halving: the ratio of neighbours is the first slope itself.
def slopes(n):
    if n & (n - 1) == 0:
        start = 2.0 ** (-(2.0 ** -(math.log2(n) - 3)))
        return [start ** (h + 1) for h in range(n)]
    power = 1 << (n.bit_length() - 1)
    return slopes(power) + slopes(2 * power)[0::2][:n - power]


store("alibi", **{str(n): slopes(n) for n in (1, 2, 3, 8, 12, 16, 20, 40)})

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "positions.json"), "w") as file:
    json.dump(out, file, separators=(",", ":"))
    file.write("\n")

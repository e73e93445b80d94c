#!/usr/bin/python3
"""Makes mechanisms.json: attention and what replaces it in PyTorch float64, with autograd's gradients, sizes all distinct.

Run with Debian's python3-torch (1.13): /usr/bin/python3 tests/goldens/make_mechanisms.py
"""
import json
import math
import os

import torch
from torch.nn import functional

torch.set_default_dtype(torch.float64)
torch.manual_seed(20240917)
out = {"made_by": "PyTorch " + torch.__version__}


def store(name, **tensors):
    out[name] = {k: v.tolist() if isinstance(v, torch.Tensor) else v for k, v in tensors.items()}


n, d, d_v = 11, 5, 3
q, k, v = torch.randn(n, d), torch.randn(n, d), torch.randn(n, d_v)
place = torch.arange(n)
back = place[:, None] - place[None, :]  # i - j
store("input", q=q, k=k, v=v)


def attention(q, k, v, hidden=None, bias=0.0, scale=None):
    scores = q @ k.T * (scale or 1 / math.sqrt(q.shape[1])) + bias
    if hidden is not None:
        scores = scores.masked_fill(hidden, -math.inf)
    return torch.softmax(scores, dim=-1) @ v, torch.logsumexp(scores, dim=-1)


# Softmax attention, its log-sum-exp, and gradients by autograd.
for name, hidden in (("full", None), ("causal", back < 0)):
    a, b, c = (t.clone().requires_grad_() for t in (q, k, v))
    y, lse = attention(a, b, c, hidden)
    dy = torch.randn(n, d_v)
    y.backward(dy)
    store(name, output=y.detach(), log_sum_exp=lse.detach(), dy=dy, dq=a.grad, dk=b.grad, dv=c.grad)

# Fixed patterns, as masks.
window = 4
store("window", causal=attention(q, k, v, (back < 0) | (back >= window))[0],
      two_sided=attention(q, k, v, back.abs() >= window)[0])
globals_ = torch.tensor([0, 6])
is_global = torch.isin(place, globals_)
seen = (back.abs() < 2) | is_global[:, None] | is_global[None, :]
store("longformer", globals=globals_, output=attention(q, k, v, ~seen)[0],
      causal=attention(q, k, v, ~(seen & (back >= 0)))[0])
block = place // 3  # the last block has two tokens
seen = ((block[:, None] - block[None, :]).abs() < 2) | (block[:, None] == 0) | (block[None, :] == 0)
store("bigbird", output=attention(q, k, v, ~seen)[0])

# Positions: a slope, and a learned bias with unscaled scores.
store("alibi", slope=0.3, output=attention(q, k, v, back < 0, -0.3 * back)[0])
buckets = torch.randn(9)
index = (back.clamp(-4, 4) + 4)
store("learned_bias", bias=buckets[index], output=attention(q, k, v, None, buckets[index], 1.0)[0])

# Linear attention by torch's elu; causal sums by torch's cumsum.
f, g = functional.elu(q) + 1, functional.elu(k) + 1
state = torch.cumsum(g[:, :, None] * v[:, None, :], 0)
store("linear", query_features=f,
      output=f @ (g.T @ v) / (f @ g.sum(0))[:, None],
      causal=torch.einsum("nm,nmv->nv", f, state) / (f * torch.cumsum(g, 0)).sum(1, keepdim=True))
W = torch.randn(7, d)


def favor(x):
    x = x / d ** 0.25
    return torch.exp(x @ W.T - (x * x).sum(1, keepdim=True) / 2) / math.sqrt(7)


f, g = favor(q), favor(k)
store("performer", directions=W, query_features=f, output=f @ (g.T @ v) / (f @ g.sum(0))[:, None])

# MLP-Mixer's token mixing by torch's modules; Hydra by torch's normalize.
x = torch.randn(n, 6)
norm, into, outof = torch.nn.LayerNorm(6), torch.nn.Linear(n, 8), torch.nn.Linear(8, n)
with torch.no_grad():
    norm.weight.normal_(), norm.bias.normal_()
    mixed = x + outof(functional.gelu(into(norm(x).T))).T
    store("mixer", x=x, gain=norm.weight, bias=norm.bias, epsilon=norm.eps, W_in=into.weight.T, b_in=into.bias,
          W_out=outof.weight.T, b_out=outof.bias, output=mixed)
a, b, c = torch.randn(n, 4), torch.randn(n, 4), torch.randn(n, 4)
a_1, b_1 = functional.normalize(a, dim=1), functional.normalize(b, dim=1)
store("hydra", q=a, k=b, v=c, output=a_1 * (b_1 * c).sum(0), causal=a_1 * torch.cumsum(b_1 * c, 0))

with open(os.path.join(os.path.dirname(__file__), "mechanisms.json"), "w") as f:
    json.dump(out, f, separators=(",", ":"))
    f.write("\n")

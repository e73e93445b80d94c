#!/usr/bin/python3
"""Eager PyTorch running GPT-2's architecture with a hook on every stage that Headlight records: the peer of `headlight bench model`.

Usage: peer_pytorch_model.py LAYERS D HEADS VOCABULARY N THREADS   Each line "run" is answered by the seconds of one run and the bytes that its hooks kept;
"check" by the squares of the last layer's pattern, the residual and the logits, to prove that both sides computed the same. Weights come from a formula.
"""
import math
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

layers, d, heads, vocabulary, n, threads = map(int, sys.argv[1:7])
torch.set_num_threads(threads)
clock = time.process_time if threads == 1 else time.perf_counter
dh = d // heads


def formula(rows, columns, k, size):
    i = torch.arange(rows, dtype=torch.float64).reshape(-1, 1)
    j = torch.arange(columns, dtype=torch.float64)
    return (torch.sin(k + 0.7 * i + 1.3 * j + 0.01 * i * j) * size).float()


class Stage(nn.Module):
    """A place for a hook: what comes in goes out."""

    def forward(self, x):
        return x


def stages(*names):
    return nn.ModuleDict({name: Stage() for name in names})


class Norm(nn.Module):
    def __init__(self, k):
        super().__init__()
        self.gain, self.bias = 1 + formula(1, d, k, 0.1)[0], formula(1, d, k + 1, 0.1)[0]
        self.at = stages("mean", "scale", "normalized", "out")

    def forward(self, x):
        variance, mean = torch.var_mean(x, -1, unbiased=False, keepdim=True)
        mean = self.at["mean"](mean)
        scale = self.at["scale"](torch.sqrt(variance + 1e-5))
        normalized = self.at["normalized"]((x - mean) / scale)
        return self.at["out"](torch.addcmul(self.bias, normalized, self.gain))


class Block(nn.Module):
    def __init__(self, k):
        super().__init__()
        size, hidden = 1 / math.sqrt(d), 4 * d
        self.norm1, self.norm2 = Norm(k + 9), Norm(k + 11)
        self.W_qkv = torch.cat([formula(d, d, k + m, size) for m in (1, 2, 3)], 1).contiguous()
        self.b_qkv = torch.cat([formula(1, d, k + m, 0.1)[0] for m in (5, 6, 7)]).contiguous()
        self.W_o, self.b_o = formula(d, d, k + 4, size), formula(1, d, k + 8, 0.1)[0]
        self.W_in, self.b_in = formula(d, hidden, k + 13, size), formula(1, hidden, k + 14, 0.1)[0]
        self.W_out, self.b_out = formula(hidden, d, k + 15, size / 2), formula(1, d, k + 16, 0.1)[0]
        self.hidden = torch.ones(n, n, dtype=torch.bool).triu(1)
        self.at = stages("resid_pre", "q", "k", "v", "raw", "scaled", "mask", "scores", "max", "exp", "sum", "pattern", "z",
                         "concat", "result", "out_nobias", "attn_out", "resid_mid", "pre", "post", "mlp_out", "resid_post")

    def forward(self, x):
        at = self.at
        x = at["resid_pre"](x)
        qkv = torch.addmm(self.b_qkv, self.norm1(x), self.W_qkv)
        q, k, v = (at[name](t.reshape(n, heads, dh)) for name, t in zip("qkv", qkv.split(d, 1)))
        raw = at["raw"](torch.matmul(q.transpose(0, 1), k.permute(1, 2, 0)))
        scaled = at["scaled"](raw * (1 / math.sqrt(dh)))
        scores = at["scores"](scaled.masked_fill(at["mask"](self.hidden), -math.inf))
        top = at["max"](scores.amax(-1, keepdim=True))
        e = at["exp"](torch.exp(scores - top))
        pattern = at["pattern"](e / at["sum"](e.sum(-1, keepdim=True)))
        z = at["z"](torch.matmul(pattern, v.transpose(0, 1)))
        concat = at["concat"](z.transpose(0, 1).reshape(n, d))
        at["result"](torch.matmul(z, self.W_o.reshape(heads, dh, d)))
        out = at["attn_out"](at["out_nobias"](concat @ self.W_o) + self.b_o)
        mid = at["resid_mid"](x + out)
        pre = at["pre"](torch.addmm(self.b_in, self.norm2(mid), self.W_in))
        post = at["post"](F.gelu(pre, approximate="tanh"))
        mlp = at["mlp_out"](torch.addmm(self.b_out, post, self.W_out))
        return at["resid_post"](mid + mlp)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.W_E, self.W_pos = formula(vocabulary, d, 0, 1 / math.sqrt(d)), formula(n, d, 0.5, 0.1)
        self.blocks = nn.ModuleList(Block(20 * (layer + 1)) for layer in range(layers))
        self.norm = Norm(17)
        self.at = stages("embed", "pos_embed", "logits", "probs")

    def forward(self, ids):
        x = self.at["embed"](self.W_E[ids]) + self.at["pos_embed"](self.W_pos[:n])
        for block in self.blocks:
            x = block(x)
        logits = self.at["logits"](self.norm(x) @ self.W_E.t())
        self.at["probs"](torch.softmax(logits, -1))
        return logits


model = Model()
kept = {}
for name, module in model.named_modules():
    if isinstance(module, Stage):
        module.register_forward_hook(lambda module, inputs, output, name=name: kept.__setitem__(name, output))
ids = torch.arange(n) * 7919 % vocabulary
print("ready", torch.__version__, flush=True)
with torch.no_grad():
    for line in sys.stdin:
        start = clock()
        model(ids)
        took = clock() - start
        if line.strip() == "run":
            memory = {t.storage().data_ptr(): t.storage().nbytes() for t in kept.values()}
            print(took, sum(memory.values()), flush=True)
        elif line.strip() == "check":
            last = f"blocks.{layers - 1}.at."
            squares = [sum(float(row.double().square().sum()) for row in kept[name])
                       for name in (last + "pattern", last + "resid_post", "at.logits")]
            print(*squares, flush=True)
        kept.clear()

#!/usr/bin/python3
"""Eager PyTorch doing one training step, one a line on standard input: the peer of `headlight bench train`.

Usage: peer_pytorch_train.py LAYERS D HEADS HIDDEN VOCABULARY SEQUENCES N THREADS   Each line "run" is answered by the
seconds of one step (forward, backward, clipping, AdamW), "loss" by the loss of the last step. GPT-2's architecture:
LayerNorm with bias, biases, learned positions, GELU's tanh form, tied unembedding.
"""
import math
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

layers, d, heads, hidden, vocabulary, sequences, n, threads = map(int, sys.argv[1:9])
torch.set_num_threads(threads)
clock = time.process_time if threads == 1 else time.perf_counter
torch.manual_seed(0)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.qkv, self.out = nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.up, self.down = nn.Linear(d, hidden), nn.Linear(hidden, d)
        self.register_buffer("future", torch.ones(n, n, dtype=torch.bool).triu(1))

    def forward(self, x):
        b = x.shape[0]
        q, k, v = (t.view(b, n, heads, d // heads).transpose(1, 2) for t in self.qkv(self.ln1(x)).split(d, 2))
        scores = (q @ k.transpose(2, 3)) * (1 / math.sqrt(d // heads))
        pattern = scores.masked_fill(self.future, -math.inf).softmax(-1)
        x = x + self.out((pattern @ v).transpose(1, 2).reshape(b, n, d))
        return x + self.down(F.gelu(self.up(self.ln2(x)), approximate="tanh"))


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(vocabulary, d), nn.Embedding(n, d)
        self.blocks = nn.ModuleList(Block() for _ in range(layers))
        self.norm = nn.LayerNorm(d)

    def forward(self, ids):
        x = self.tokens(ids) + self.positions.weight
        for block in self.blocks:
            x = block(x)
        return self.norm(x) @ self.tokens.weight.t()


model = Model()
for parameter in model.parameters():
    if parameter.dim() > 1:
        nn.init.normal_(parameter, std=0.02)
optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.98), weight_decay=0.01)
generator = torch.Generator().manual_seed(1)
last = 0.0
print("ready", torch.__version__, sum(p.numel() for p in model.parameters()), flush=True)
for line in sys.stdin:
    if line.strip() == "run":
        ids = torch.randint(vocabulary, (sequences, n + 1), generator=generator)
        start = clock()
        loss = F.cross_entropy(model(ids[:, :-1]).reshape(-1, vocabulary), ids[:, 1:].reshape(-1))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        print(clock() - start, flush=True)
        last = loss.item()
    elif line.strip() == "loss":
        print(last, flush=True)

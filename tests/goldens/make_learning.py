#!/usr/bin/python3
"""Makes learning.json: loss, gradients by autograd, and weights after three steps of torch.optim.AdamW, in float64.

Run with Debian's python3-torch (1.13): /usr/bin/python3 tests/goldens/make_learning.py
Parameters have TransformerLens's names as Headlight lists them; matrices act on row vectors, y = x W + b. Heads are
columns of W_Q, W_K, W_V side by side. Sizes are all distinct.
"""
import json
import math
import os

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
torch.manual_seed(20241124)
V, D, H, DH, HIDDEN, N, B, REACH = 11, 10, 3, 4, 13, 7, 2, 3


def make(case):
    p = {"embed.W_E": torch.randn(V, D)}
    if case["position"] == "learned":
        p["pos_embed.W_pos"] = torch.randn(N, D)
    if case["position"] == "t5":
        p["relative_bias"] = torch.randn(6, H)

    def norm(name):
        p[name + ".w"] = 1 + 0.3 * torch.randn(D)
        if case["norm"] == "layer":
            p[name + ".b"] = 0.3 * torch.randn(D)

    for layer in range(2):
        b = f"blocks.{layer}."
        norm(b + "ln1")
        for name in ("W_Q", "W_K", "W_V"):
            p[b + "attn." + name] = 0.5 * torch.randn(D, H * DH)
        p[b + "attn.W_O"] = 0.5 * torch.randn(H * DH, D)
        if case["biases"]:
            for name in ("b_Q", "b_K", "b_V"):
                p[b + "attn." + name] = 0.3 * torch.randn(H * DH)
            p[b + "attn.b_O"] = 0.3 * torch.randn(D)
        if case["null_key"]:
            p[b + "attn.null_key"] = torch.randn(H, DH)
        if case["position"] == "shaw":
            p[b + "attn.relative_keys"] = torch.randn(2 * REACH + 1, H * DH)
            p[b + "attn.relative_values"] = torch.randn(2 * REACH + 1, H * DH)
        norm(b + "ln2")
        p[b + "mlp.W_in"] = 0.5 * torch.randn(D, HIDDEN)
        p[b + "mlp.b_in"] = 0.3 * torch.randn(HIDDEN)
        p[b + "mlp.W_out"] = 0.5 * torch.randn(HIDDEN, D)
        p[b + "mlp.b_out"] = 0.3 * torch.randn(D)
    if case["place"] == "before":
        norm("ln_final")
    if not case["tied"]:
        p["unembed.W_U"] = 0.5 * torch.randn(V, D)
    return p


def normalise(case, p, name, x):
    if case["norm"] == "layer":
        return F.layer_norm(x, (D,), p[name + ".w"], p[name + ".b"], 1e-5)
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * p[name + ".w"]


def turn(x):
    half = DH // 2
    angle = torch.arange(N).reshape(-1, 1) * 10000.0 ** (-torch.arange(half) * 2 / DH)
    c, s = angle.cos(), angle.sin()
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * c - b * s, a * s + b * c], -1)


def loss_of(case, p, ids, targets, counts):
    x = p["embed.W_E"][ids]
    if case["position"] == "learned":
        x = x + p["pos_embed.W_pos"]
    future = torch.ones(N, N, dtype=torch.bool).triu(1)
    for layer in range(2):
        b = f"blocks.{layer}."
        before = case["place"] == "before"
        y = normalise(case, p, b + "ln1", x) if before else x

        def heads(w, bias):
            z = y @ p[b + "attn." + w]
            if case["biases"]:
                z = z + p[b + "attn." + bias]
            return z.view(B, N, H, DH).transpose(1, 2)

        q, k, v = heads("W_Q", "b_Q"), heads("W_K", "b_K"), heads("W_V", "b_V")
        plain = q
        if case["position"] == "rope":
            q, k = turn(q), turn(k)
        scores = q @ k.transpose(2, 3) / math.sqrt(DH)
        if case["position"] == "alibi":
            # three heads: the slopes of two (1/16, 1/256), then the first of four (1/4)
            slopes = torch.tensor([1 / 16, 1 / 256, 1 / 4]).view(H, 1, 1)
            distance = torch.arange(N).view(-1, 1) - torch.arange(N)
            scores = scores - slopes * distance
        if case["position"] == "t5":
            # six buckets up to distance 5: 0, 1, 2 tokens back, then from 3, 3 (5/3)^(1/3) = 3.6, 3 (5/3)^(2/3) = 4.2 on
            bucket_of = [0, 1, 2, 3, 4, 5, 5]
            bucket = torch.tensor([[bucket_of[max(0, i - j)] for j in range(N)] for i in range(N)])
            scores = scores + p["relative_bias"][bucket].permute(2, 0, 1)
        if case["position"] == "shaw":
            offset = (torch.arange(N) - torch.arange(N).view(-1, 1)).clamp(-REACH, REACH) + REACH  # [query, key]
            a_K = p[b + "attn.relative_keys"].view(-1, H, DH)[offset]  # [query, key, head, d_head]
            a_V = p[b + "attn.relative_values"].view(-1, H, DH)[offset]
            scores = scores + torch.einsum("bhqd,qkhd->bhqk", q, a_K) / math.sqrt(DH)
        scores = scores.masked_fill(future, -math.inf)
        if case["null_key"]:
            null = torch.einsum("bhnd,hd->bhn", plain, p[b + "attn.null_key"]).unsqueeze(-1) / math.sqrt(DH)
            pattern = torch.cat([null, scores], -1).softmax(-1)[..., 1:]
        else:
            pattern = scores.softmax(-1)
        z = pattern @ v
        if case["position"] == "shaw":
            z = z + torch.einsum("bhqk,qkhd->bhqd", pattern, a_V)
        z = z.transpose(1, 2).reshape(B, N, H * DH) @ p[b + "attn.W_O"]
        x = x + (z + p[b + "attn.b_O"] if case["biases"] else z)
        if not before:
            x = normalise(case, p, b + "ln1", x)
        y = normalise(case, p, b + "ln2", x) if before else x
        y = y @ p[b + "mlp.W_in"] + p[b + "mlp.b_in"]
        y = {"gelu_new": lambda t: F.gelu(t, approximate="tanh"), "gelu": F.gelu, "relu": F.relu}[case["activation"]](y)
        x = x + y @ p[b + "mlp.W_out"] + p[b + "mlp.b_out"]
        if not before:
            x = normalise(case, p, b + "ln2", x)
    if case["place"] == "before":
        x = normalise(case, p, "ln_final", x)
    logits = x @ p["embed.W_E" if case["tied"] else "unembed.W_U"].t()
    losses = F.cross_entropy(logits.reshape(-1, V), targets.reshape(-1), reduction="none")
    return losses[counts.reshape(-1)].mean()


out = {"made_by": "PyTorch " + torch.__version__, "cases": []}
for case in (
    dict(position="learned", norm="layer", biases=True, null_key=False, tied=True, activation="gelu_new"),
    dict(position="rope", norm="rms", biases=False, null_key=True, tied=False, activation="relu"),
    dict(position="alibi", norm="layer", biases=True, null_key=False, tied=False, activation="gelu"),
    dict(position="none", norm="rms", biases=True, null_key=True, tied=True, activation="gelu_new"),
    dict(position="t5", norm="rms", biases=False, null_key=False, tied=False, activation="relu"),
    dict(position="shaw", norm="layer", biases=True, null_key=False, tied=False, activation="gelu_new"),
    dict(position="learned", norm="layer", biases=True, null_key=False, tied=True, activation="relu", place="after"),
    dict(position="shaw", norm="rms", biases=False, null_key=False, tied=False, activation="gelu", place="after"),
):
    case.setdefault("place", "before")
    p = make(case)
    ids, targets = torch.randint(V, (B, N)), torch.randint(V, (B, N))
    counts = torch.rand(B, N) < 0.7
    entry = dict(case, ids=ids.reshape(-1).tolist(), targets=targets.reshape(-1).tolist(),
                 counts=counts.reshape(-1).tolist(), weights={k: v.reshape(-1).tolist() for k, v in p.items()})
    parameters = {k: v.clone().requires_grad_() for k, v in p.items()}
    loss = loss_of(case, parameters, ids, targets, counts)
    loss.backward()
    entry["loss"] = loss.item()
    entry["gradients"] = {k: v.grad.reshape(-1).tolist() for k, v in parameters.items()}
    # three steps: matrices decay, gains, biases and null keys do not
    matrices = [v for k, v in parameters.items() if v.dim() > 1 and not k.endswith("null_key")]
    others = [v for k, v in parameters.items() if v.dim() == 1 or k.endswith("null_key")]
    optimiser = torch.optim.AdamW([dict(params=matrices, weight_decay=0.1), dict(params=others, weight_decay=0.0)],
                                  lr=0.01, betas=(0.9, 0.98), eps=1e-8)
    for step in range(3):
        optimiser.zero_grad()
        loss_of(case, parameters, ids, targets, counts).backward()
        torch.nn.utils.clip_grad_norm_(parameters.values(), 0.5)
        optimiser.step()
    entry["after_three_steps"] = {k: v.detach().reshape(-1).tolist() for k, v in parameters.items()}
    out["cases"].append(entry)

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "learning.json"), "w") as f:
    json.dump(out, f)
    f.write("\n")

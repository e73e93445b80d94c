#!/usr/bin/python3
"""Makes pytorch.hpp: what PyTorch's nn.MultiheadAttention returned for three tokens.

Run with Debian's python3-torch (1.13): /usr/bin/python3 lessons/05_self_attention_step_by_step/make_pytorch.py
"""
import os

import torch

torch.set_default_dtype(torch.float64)
torch.manual_seed(5)
n, d, h = 3, 4, 2
layer = torch.nn.MultiheadAttention(d, h, batch_first=True)
torch.nn.init.normal_(layer.in_proj_bias)
torch.nn.init.normal_(layer.out_proj.bias)
x = torch.randn(1, n, d)
with torch.no_grad():
    output, weights = layer(query=x, key=x, value=x)
    _, per_head = layer(query=x, key=x, value=x, average_attn_weights=False)
    causal, _ = layer(query=x, key=x, value=x, attn_mask=torch.ones(n, n, dtype=torch.bool).triu(1))
    as_it_comes = torch.nn.MultiheadAttention(d, h)  # batch_first left at its default
    as_it_comes.load_state_dict(layer.state_dict())
    misread, misread_weights = as_it_comes(query=x, key=x, value=x)
q, k, v = layer.in_proj_weight.detach().T.split(d, 1)  # PyTorch stores the transpose
bq, bk, bv = layer.in_proj_bias.detach().split(d)


def literal(t):
    if t.dim() == 0:
        return repr(float(t))
    return "{" + ", ".join(literal(row) for row in t) + "}"


lines = [
    "/// @file",
    "/// What PyTorch %s returned for nn.MultiheadAttention(4, 2, batch_first=True)(x, x, x): made by" % torch.__version__,
    "/// make_pytorch.py beside this file. Weights are written for row vectors, y = x W + b.",
    "#pragma once",
    "",
    "#include <headlight/attention/multi_head.hpp>",
    "",
    "namespace pytorch {",
    "",
    "inline const headlight::Matrix x = %s;  // [n, d_model], a batch of one" % literal(x[0]),
    "inline const headlight::MultiHeadWeights layer = {%d, %s, %s, %s, %s, %s, %s, %s, %s};" % (
        h, literal(q), literal(k), literal(v), literal(layer.out_proj.weight.detach().T), literal(bq), literal(bk),
        literal(bv), literal(layer.out_proj.bias.detach())),
    "inline const headlight::Matrix attn_output = %s;  // attn_output[0]" % literal(output[0]),
    "inline const headlight::Tensor3 attn_weights = %s;  // all of attn_weights: %s" % (literal(weights), list(weights.shape)),
    "// with average_attn_weights=False: %s, of which this is batch 0" % list(per_head.shape),
    "inline const headlight::Tensor3 attn_weights_per_head = %s;" % literal(per_head[0]),
    "inline const headlight::Matrix causal_output = %s;  // with attn_mask" % literal(causal[0]),
    "// from nn.MultiheadAttention(4, 2) without batch_first, given the same batch of one: weights",
    "// %s, output %s" % (list(misread_weights.shape), list(misread.shape)),
    "inline const headlight::Tensor3 misread_weights = %s;" % literal(misread_weights),
    "inline const headlight::Matrix misread_output = %s;" % literal(misread[0]),
    "",
    "}  // namespace pytorch",
]
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pytorch.hpp")
with open(path, "w") as file:
    file.write("\n".join(lines) + "\n")

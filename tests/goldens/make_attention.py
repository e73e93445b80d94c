#!/usr/bin/python3
"""Makes attention.json: PyTorch's own modules and plain PyTorch arithmetic in float64, sizes all distinct.

Run with Debian's python3-torch (1.13): /usr/bin/python3 tests/goldens/make_attention.py
Every weight is written as Headlight holds it: row vectors, y = x W + b.
"""
import json
import math
import os

import torch

torch.set_default_dtype(torch.float64)
torch.manual_seed(20240517)
out = {"made_by": "PyTorch " + torch.__version__}


def plain(t):
    if t.dtype == torch.bool:
        return t.tolist()
    nested = t.detach().tolist()

    def spell(v):
        if isinstance(v, list):
            return [spell(x) for x in v]
        return "-inf" if v == -math.inf else v

    return spell(nested)


def store(name, **tensors):
    out[name] = {k: plain(v) if isinstance(v, torch.Tensor) else v for k, v in tensors.items()}


# One head by plain arithmetic: queries and keys from different places, d_head != d_value, biases.
n_query, n_key, d_model, d_memory, d_head, d_value = 5, 7, 6, 8, 3, 4
x, memory = torch.randn(n_query, d_model), torch.randn(n_key, d_memory)
W_Q, W_K, W_V = torch.randn(d_model, d_head), torch.randn(d_memory, d_head), torch.randn(d_memory, d_value)
b_Q, b_K, b_V = torch.randn(d_head), torch.randn(d_head), torch.randn(d_value)
q, k, v = x @ W_Q + b_Q, memory @ W_K + b_K, memory @ W_V + b_V
raw = q @ k.T
scores = raw / math.sqrt(d_head)
visible = torch.ones(n_query, n_key, dtype=torch.bool).tril(n_key - n_query)
masked = scores.masked_fill(~visible, -math.inf)
pattern = torch.softmax(masked, -1)
store("head", x=x, memory=memory, W_Q=W_Q, W_K=W_K, W_V=W_V, b_Q=b_Q, b_K=b_K, b_V=b_V, q=q, k=k, v=v,
      raw=raw, scores=scores, masked=masked, pattern=pattern, z=pattern @ v)


def split(in_proj_weight, in_proj_bias):
    W = in_proj_weight.T
    e = W.shape[0]
    return W[:, :e], W[:, e:2 * e], W[:, 2 * e:], in_proj_bias[:e], in_proj_bias[e:2 * e], in_proj_bias[2 * e:]


# torch.nn.MultiheadAttention, self-attention, causal and with padding.
e, h, n = 12, 3, 7
mha = torch.nn.MultiheadAttention(e, h, batch_first=True).eval()
with torch.no_grad():
    mha.in_proj_bias.normal_()
    mha.out_proj.bias.normal_()
x = torch.randn(1, n, e)
hidden = ~torch.ones(n, n, dtype=torch.bool).tril()
W_Q, W_K, W_V, b_Q, b_K, b_V = split(mha.in_proj_weight, mha.in_proj_bias)
weights = dict(n_heads=h, W_Q=W_Q, W_K=W_K, W_V=W_V, b_Q=b_Q, b_K=b_K, b_V=b_V, W_O=mha.out_proj.weight.T,
               b_O=mha.out_proj.bias)
y, a = mha(x, x, x, attn_mask=hidden, average_attn_weights=False)
store("mha_causal", x=x[0], **weights, pattern=a[0], output=y[0])
padding = torch.tensor([[False, False, False, False, False, True, True]])
y, a = mha(x, x, x, key_padding_mask=padding, average_attn_weights=False)
store("mha_padding", x=x[0], **weights, is_token=~padding[0], pattern=a[0], output=y[0])

# torch.nn.MultiheadAttention, cross-attention from a memory of another width.
n_memory, d_memory = 4, 10
cross = torch.nn.MultiheadAttention(e, h, kdim=d_memory, vdim=d_memory, batch_first=True).eval()
with torch.no_grad():
    cross.in_proj_bias.normal_()
    cross.out_proj.bias.normal_()
memory = torch.randn(1, n_memory, d_memory)
y, a = cross(x, memory, memory, average_attn_weights=False)
store("mha_cross", n_heads=h, x=x[0], memory=memory[0], W_Q=cross.q_proj_weight.T, W_K=cross.k_proj_weight.T,
      W_V=cross.v_proj_weight.T, b_Q=cross.in_proj_bias[:e], b_K=cross.in_proj_bias[e:2 * e],
      b_V=cross.in_proj_bias[2 * e:], W_O=cross.out_proj.weight.T, b_O=cross.out_proj.bias, pattern=a[0], output=y[0])


# torch.nn.TransformerEncoderLayer in both norm orders and two activations; a tanh-GELU block by hand.
def gelu_new(t):
    return 0.5 * t * (1 + torch.tanh(math.sqrt(2 / math.pi) * (t + 0.044715 * t ** 3)))


for norm_first in (True, False):
    for activation in ("gelu", "relu", "gelu_new"):
        layer = torch.nn.TransformerEncoderLayer(e, h, dim_feedforward=17, dropout=0.0, batch_first=True,
                                                 activation=gelu_new if activation == "gelu_new" else activation,
                                                 norm_first=norm_first)
        with torch.no_grad():
            for p in layer.parameters():
                if p.dim() == 1:
                    p.normal_()
        layer.train()  # the plain path: eval() would take the fused one, which rounds differently
        attn = layer.self_attn
        W_Q, W_K, W_V, b_Q, b_K, b_V = split(attn.in_proj_weight, attn.in_proj_bias)
        store(f"block_{'pre' if norm_first else 'post'}_{activation}", n_heads=h, x=x[0],
              activation=activation, norm_first=norm_first, W_Q=W_Q, W_K=W_K, W_V=W_V, b_Q=b_Q, b_K=b_K, b_V=b_V,
              W_O=attn.out_proj.weight.T, b_O=attn.out_proj.bias, W_in=layer.linear1.weight.T,
              b_in=layer.linear1.bias, W_out=layer.linear2.weight.T, b_out=layer.linear2.bias,
              gain1=layer.norm1.weight, bias1=layer.norm1.bias, gain2=layer.norm2.weight, bias2=layer.norm2.bias,
              epsilon=layer.norm1.eps, output=layer(x, src_mask=hidden)[0])

with open(os.path.join(os.path.dirname(__file__), "attention.json"), "w") as f:
    json.dump(out, f, separators=(",", ":"))
    f.write("\n")

#!/usr/bin/python3
"""Makes models/NAME/{config.json, model.safetensors, golden.safetensors}: small GPT-2-shaped folders with random weights, and
every stage of a forward pass computed by PyTorch in float64 from the weights as stored.

Run with Debian's python3-torch (1.13): /usr/bin/python3 tests/goldens/make_models.py
"""
import json
import math
import os
import struct

import torch

torch.manual_seed(77)
torch.set_default_dtype(torch.float64)
here = os.path.dirname(os.path.abspath(__file__))


def raw(t):
    if t.dtype == torch.bfloat16:
        return t.view(torch.int16).numpy().tobytes()
    return t.numpy().tobytes()


NAMES = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.float64: "F64", torch.bool: "BOOL"}


def write_safetensors(path, tensors, metadata, pad):
    header, offset = {"__metadata__": metadata}, 0
    for name, t in tensors.items():
        size = len(raw(t))
        header[name] = {"dtype": NAMES[t.dtype], "shape": list(t.shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    if pad:
        text += b" " * (-len(text) % 8)
    elif len(text) % 4 == 0:
        text += b" "  # unaligned on purpose, as in OpenAI's own file
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for t in tensors.values():
            f.write(raw(t))


def gelu_new(x):
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3)))


def make(name, vocab, d, heads, layers, context, inner, activation, prefix, tied, dtype, ids, mask_buffers=False):
    folder = os.path.join(here, "models", name)
    os.makedirs(folder, exist_ok=True)
    stored, w = {}, {}

    def weight(key, *shape, scale=1.0, shift=0.0):
        stored[prefix + key] = (torch.randn(*shape) * scale + shift).to(dtype)
        w[key] = stored[prefix + key].double()

    weight("wte.weight", vocab, d)
    weight("wpe.weight", context, d, scale=0.5)
    hidden = inner or 4 * d
    for layer in range(layers):
        h = f"h.{layer}."
        weight(h + "ln_1.weight", d, scale=0.3, shift=1)
        weight(h + "ln_1.bias", d, scale=0.3)
        if mask_buffers:
            stored[prefix + h + "attn.bias"] = torch.ones(1, 1, context, context).tril().to(dtype)
            stored[prefix + h + "attn.masked_bias"] = torch.tensor(-1e4).to(dtype)
        weight(h + "attn.c_attn.weight", d, 3 * d, scale=0.6)
        weight(h + "attn.c_attn.bias", 3 * d, scale=0.3)
        weight(h + "attn.c_proj.weight", d, d, scale=0.4)
        weight(h + "attn.c_proj.bias", d, scale=0.3)
        weight(h + "ln_2.weight", d, scale=0.3, shift=1)
        weight(h + "ln_2.bias", d, scale=0.3)
        weight(h + "mlp.c_fc.weight", d, hidden, scale=0.5)
        weight(h + "mlp.c_fc.bias", hidden, scale=0.3)
        weight(h + "mlp.c_proj.weight", hidden, d, scale=0.3)
        weight(h + "mlp.c_proj.bias", d, scale=0.3)
    weight("ln_f.weight", d, scale=0.3, shift=1)
    weight("ln_f.bias", d, scale=0.3)
    if not tied:
        stored["lm_head.weight"] = torch.randn(vocab, d).to(dtype)
        w["lm_head.weight"] = stored["lm_head.weight"].double()
    write_safetensors(os.path.join(folder, "model.safetensors"), stored, {"format": "pt"}, pad=False)
    config = dict(model_type="gpt2", vocab_size=vocab, n_embd=d, n_head=heads, n_layer=layers, n_positions=context,
                  n_ctx=context, n_inner=inner, activation_function=activation, layer_norm_epsilon=1e-05,
                  tie_word_embeddings=tied)
    with open(os.path.join(folder, "config.json"), "w") as f:
        json.dump(config, f, indent=1)
        f.write("\n")

    g = {}
    n, dh = len(ids), d // heads
    hidden_cells = torch.ones(n, n, dtype=torch.bool).triu(1)

    def norm(x, key, stage):
        mean = g[stage + ".hook_mean"] = x.mean(-1, keepdim=True)
        scale = g[stage + ".hook_scale"] = torch.sqrt(x.var(-1, unbiased=False, keepdim=True) + 1e-5)
        g[stage + ".hook_normalized"] = (x - mean) / scale
        g[stage + ".hook_out"] = torch.nn.functional.layer_norm(x, (d,), w[key + ".weight"], w[key + ".bias"], 1e-5)
        return g[stage + ".hook_out"]

    x = g["hook_embed"] = w["wte.weight"][ids]
    g["hook_pos_embed"] = w["wpe.weight"][:n]
    x = x + g["hook_pos_embed"]
    for layer in range(layers):
        b, h = f"blocks.{layer}.", f"h.{layer}."
        g[b + "hook_resid_pre"] = x
        y = norm(x, h + "ln_1", b + "ln1")
        qkv = y @ w[h + "attn.c_attn.weight"] + w[h + "attn.c_attn.bias"]
        q, k, v = (t.reshape(n, heads, dh) for t in qkv.split(d, 1))
        a = b + "attn."
        g[a + "hook_q"], g[a + "hook_k"], g[a + "hook_v"] = q, k, v
        s = g[a + "hook_scores_raw"] = torch.einsum("ihd,jhd->hij", q, k)
        s = g[a + "hook_scores_scaled"] = s / math.sqrt(dh)
        g[a + "hook_mask"] = ~hidden_cells
        s = g[a + "hook_attn_scores"] = s.masked_fill(hidden_cells, -math.inf)
        m = g[a + "hook_softmax_max"] = s.amax(-1, keepdim=True)
        e = g[a + "hook_softmax_exp"] = torch.exp(s - m)
        g[a + "hook_softmax_sum"] = e.sum(-1, keepdim=True)
        p = g[a + "hook_pattern"] = torch.softmax(s, -1)
        z = g[a + "hook_z"] = torch.einsum("hij,jhd->ihd", p, v)
        c = g[a + "hook_z_concat"] = z.reshape(n, d)
        W_O = w[h + "attn.c_proj.weight"]
        g[a + "hook_result"] = torch.einsum("ihd,hdm->ihm", z, W_O.reshape(heads, dh, d))
        g[a + "hook_out_nobias"] = c @ W_O
        g[b + "hook_attn_out"] = c @ W_O + w[h + "attn.c_proj.bias"]
        mid = g[b + "hook_resid_mid"] = x + g[b + "hook_attn_out"]
        y = norm(mid, h + "ln_2", b + "ln2")
        u = g[b + "mlp.hook_pre"] = y @ w[h + "mlp.c_fc.weight"] + w[h + "mlp.c_fc.bias"]
        u = g[b + "mlp.hook_post"] = gelu_new(u) if activation == "gelu_new" else torch.nn.functional.gelu(u)
        g[b + "hook_mlp_out"] = u @ w[h + "mlp.c_proj.weight"] + w[h + "mlp.c_proj.bias"]
        x = g[b + "hook_resid_post"] = mid + g[b + "hook_mlp_out"]
    y = g["unembed.hook_in"] = norm(x, "ln_f", "ln_final")
    g["unembed.hook_out"] = y @ (w["wte.weight"] if tied else w["lm_head.weight"]).T
    g["unembed.hook_probs"] = torch.softmax(g["unembed.hook_out"], -1)
    g = {key: (t if t.dtype == torch.bool else t.double()).contiguous().clone() for key, t in g.items()}
    write_safetensors(os.path.join(folder, "golden.safetensors"), g,
                      {"ids": ",".join(map(str, ids)), "made_by": "PyTorch " + torch.__version__}, pad=True)


make("odd_sizes", 11, 15, 3, 2, 9, 13, "gelu_new", "", True, torch.float32, [3, 10, 0, 3, 7, 1, 9], mask_buffers=True)
make("letters", 3, 12, 3, 3, 11, None, "gelu_new", "transformer.", False, torch.float32,
     [0, 2, 1, 1, 0, 2, 0, 0, 1, 1, 2])
make("half", 7, 10, 5, 1, 8, None, "gelu", "transformer.", True, torch.float16, [6, 5, 0, 1, 1], mask_buffers=True)
make("brain", 5, 8, 2, 2, 6, 9, "gelu", "", False, torch.bfloat16, [4, 0, 4])

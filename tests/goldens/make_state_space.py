#!/usr/bin/python3
"""Makes state_space.json: Fourier transforms, discretised state equations and Mamba's scan in PyTorch float64.

Run with Debian's python3-torch (1.13): /usr/bin/python3 tests/goldens/make_state_space.py
"""
import json
import math
import os

import torch

torch.set_default_dtype(torch.float64)
torch.manual_seed(20240621)
out = {"made_by": "PyTorch " + torch.__version__}


def plain(v):
    if isinstance(v, torch.Tensor):
        return torch.view_as_real(v).tolist() if v.is_complex() else v.tolist()
    return v


def store(name, **tensors):
    out[name] = {k: plain(v) for k, v in tensors.items()}


# torch.fft of complex and real signals, any length.
for n in (8, 32, 12, 7):
    x = torch.randn(n, dtype=torch.complex128)
    store(f"fft_{n}", x=x, forward=torch.fft.fft(x), inverse=torch.fft.ifft(x))
real = torch.randn(16)
store("rfft", x=real, spectrum=torch.fft.rfft(real))
store("fnet", **{(k + str(m.shape[0])): v for m in (torch.randn(8, 4), torch.randn(6, 10))
                 for k, v in (("x", m), ("y", torch.fft.fft2(m).real))})
kernel, signal = torch.randn(20), torch.randn(20)
causal = torch.nn.functional.conv1d(signal[None, None], kernel.flip(0)[None, None], padding=19)[0, 0, :20]
store("convolution", kernel=kernel, x=signal, y=causal)

# HiPPO-LegS and both discretisations, by torch.linalg.
d = 6
root = (2 * torch.arange(d) + 1.0).sqrt()
A = -torch.tril(torch.outer(root, root), -1) - torch.diag(torch.arange(1.0, d + 1))
B, step = root, 0.13
eye = torch.eye(d)
left = torch.linalg.inv(eye - step / 2 * A)
held = torch.linalg.matrix_exp(step * A)
store("hippo", A=A, B=B, step=step, bilinear_A=left @ (eye + step / 2 * A), bilinear_B=step * left @ B,
      held_A=held, held_B=torch.linalg.solve(A, (held - eye) @ B),
      exponential=torch.linalg.matrix_exp(3 * A))

# S4D-Lin with step sizes for each channel: kernels as a Vandermonde sum, outputs by torch's convolution.
h, s, n = 3, 5, 24
poles = torch.complex(torch.full((h, s), -0.5), math.pi * torch.arange(s).expand(h, s).double())
b, c = torch.randn(h, s, dtype=torch.complex128), torch.randn(h, s, dtype=torch.complex128)
steps = torch.tensor([0.01, 0.1, 0.4])
u = torch.randn(n, h)
move = poles * steps[:, None]
kernel = 2 * torch.einsum("hs,hsn->hn", c * b * (torch.exp(move) - 1) / poles,
                          torch.exp(move[..., None] * torch.arange(n))).real
y = torch.nn.functional.conv1d(u.T[None], kernel.flip(1)[:, None], padding=n - 1, groups=h)[0, :, :n].T
store("s4d", poles=poles, b=b, c=c, steps=steps, u=u, kernel=kernel, y=y)

# Mamba's selective scan with softplus steps, state by state, in einsums.
h, s, n, r = 3, 4, 11, 2
x = torch.randn(n, h)
down, up, bias = torch.randn(h, r), torch.randn(r, h), torch.randn(h)
W_B, W_C, skip = torch.randn(h, s), torch.randn(h, s), torch.randn(h)
A = -torch.arange(1.0, s + 1).expand(h, s)
delta = torch.nn.functional.softplus(x @ down @ up + bias)
B, C = x @ W_B, x @ W_C
state, rows = torch.zeros(h, s), []
decay = torch.exp(torch.einsum("nh,hs->nhs", delta, A))
gain = torch.einsum("nh,ns,nh->nhs", delta, B, x)
for t in range(n):
    state = decay[t] * state + gain[t]
    rows.append(torch.einsum("hs,s->h", state, C[t]))
store("mamba", x=x, A=A, down=down, up=up, bias=bias, W_B=W_B, W_C=W_C, skip=skip, delta=delta,
      y=torch.stack(rows) + skip * x)

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "state_space.json"), "w") as file:
    json.dump(out, file, separators=(",", ":"))
    file.write("\n")

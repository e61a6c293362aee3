"""A bidirectional GRU layer for processors: what torch computes, with few large matrix products in place of many small ones.

torch's own layer on a CPU adds to the gradient of its weights at every frame, and reads them in float32 also under autocast. Here only
the product with the state is taken frame by frame, for both directions at once; everything else is one product over all frames.

Source: Appleyard, Kociský and Blunsom 2016, arXiv:1604.01946, sections 3.1 and 3.4, on what of a recurrent layer can be taken at once.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F


def gru(layer: nn.GRU, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Run a layer over the valid frames of each utterance, in the precision of autocast.

    Args:
        layer: one layer, with biases, one or two directions.
        x: (B, T, D).
        lengths: (B,) int64, valid frames; the second direction starts at each utterance's own last one.

    Returns:
        (B, T, directions * H) in the precision of x, anything past the lengths.
    """
    flip = backwards(lengths, x.shape[1])
    inputs, kernels, biases = [], [], []
    for suffix in ("", "_reverse") if layer.bidirectional else ("",):
        weight, recurrent, bias, state_bias = (
            getattr(layer, f"{name}_l0{suffix}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        heard = x if not suffix else x.gather(1, flip[:, :, None].expand(x.shape))
        inputs.append(F.linear(heard, weight, bias))
        kernels.append(recurrent)
        biases.append(state_bias)
    gates = torch.stack([part.transpose(0, 1) for part in inputs], 1)  # (T, directions, B, 3 H)
    exact = torch.promote_types(gates.dtype, torch.float32)
    given = (tensor.to(exact) for tensor in (gates, torch.stack(kernels), torch.stack(biases)))
    y: torch.Tensor = Recurrence.apply(*given, product_dtype(x))  # type: ignore[no-untyped-call]
    both = [part.transpose(0, 1) for part in y.to(x.dtype).unbind(1)]
    if layer.bidirectional:
        both[1] = both[1].gather(1, flip[:, :, None].expand(both[1].shape))
    return torch.cat(both, 2)


def product_dtype(x: torch.Tensor) -> torch.dtype:
    """The precision of the products with the state: autocast's, where it is on."""
    return torch.get_autocast_dtype(x.device.type) if torch.is_autocast_enabled(x.device.type) else x.dtype


def backwards(lengths: torch.Tensor, frames: int) -> torch.Tensor:
    """(B, T): for each frame the one it changes places with when the valid frames are reversed; the others stay."""
    places = torch.arange(frames, device=lengths.device)[None]
    mirrored = lengths[:, None] - 1 - places
    return torch.where(mirrored >= 0, mirrored, places)


class Recurrence(torch.autograd.Function):
    """h_t from h_{t-1}, gates in torch's order r, z, n:

    r = sigmoid(x_r + U_r h), z = sigmoid(x_z + U_z h), n = tanh(x_n + r (U_n h + b_n)), h' = (1 - z) n + z h

    with the biases of r and z beside U h too. The state and all that is done elementwise are float32, or float64 as the gates are.
    """

    @staticmethod
    def forward(ctx: Any, gates: torch.Tensor, kernel: torch.Tensor, bias: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        """Gates (T, directions, B, 3 H) of the inputs, kernel (directions, 3 H, H), bias (directions, 3 H) -> (T, directions, B, H)."""
        frames, directions, batch, triple = gates.shape
        size = triple // 3
        transposed = kernel.to(dtype).transpose(1, 2).contiguous()
        states = gates.new_zeros(frames + 1, directions, batch, size)
        resets, updates, news, recalled = (gates.new_empty(frames, directions, batch, size) for _ in range(4))
        bias = bias[:, None]
        for t in range(frames):
            state = states[t]
            recurrent = torch.bmm(state.to(dtype), transposed) + bias
            both = torch.sigmoid(gates[t, ..., : 2 * size] + recurrent[..., : 2 * size])
            resets[t], updates[t] = both[..., :size], both[..., size:]
            recalled[t] = recurrent[..., 2 * size :]
            torch.tanh(torch.addcmul(gates[t, ..., 2 * size :], resets[t], recalled[t]), out=news[t])
            torch.lerp(news[t], state, updates[t], out=states[t + 1])
        ctx.save_for_backward(kernel, states, resets, updates, news, recalled)
        ctx.dtype = dtype
        return states[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, None]:
        kernel, states, resets, updates, news, recalled = ctx.saved_tensors
        frames, directions, batch, size = resets.shape
        kernel = kernel.to(ctx.dtype)
        # What each gate's input passes on of a change of h', for all frames: only that change has to be found frame by frame.
        new_slope = (1 - updates) * (1 - news**2)
        slopes = torch.stack(
            (new_slope * recalled * resets * (1 - resets), updates * (1 - updates) * (states[:-1] - news), new_slope * resets), 3
        )
        changes = gradient.clone()
        passed = torch.empty(frames, directions, batch, 3 * size, dtype=ctx.dtype)
        for t in reversed(range(frames)):
            torch.mul(changes[t].unsqueeze(2), slopes[t], out=passed[t].view(directions, batch, 3, size))
            if t:
                changes[t - 1] += torch.addcmul(torch.bmm(passed[t], kernel).to(changes.dtype), changes[t], updates[t])
        flat = passed.transpose(0, 1).flatten(1, 2)  # (directions, T B, 3 H)
        before = states[:-1].to(ctx.dtype).transpose(0, 1).flatten(1, 2)
        kernel_gradient = torch.bmm(flat.transpose(1, 2), before).to(changes.dtype)
        bias_gradient = passed.sum((0, 2), dtype=changes.dtype)
        gate_gradient = torch.cat((passed[..., : 2 * size].to(changes.dtype), changes * new_slope), 3)
        return gate_gradient, kernel_gradient, bias_gradient, None

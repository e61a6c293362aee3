"""Batch normalisation whose statistics come from valid frames only."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from tympan.models.layers.lengths import length_mask


class MaskedBatchNorm(nn.Module):
    """BatchNorm2d over (B, C, T, F), or BatchNorm1d over (B, C, T), that leaves padded frames out of mean and variance.

    Plain batch statistics over a padded batch shrink with the share of padding (SEED correction C2), so the same
    utterance is scaled by how long its neighbours are, and the running statistics by how batches were formed. The
    sums are taken in float32 whatever the autocast.

    Args:
        channels: C.
        eps: added to the variance.
        momentum: weight of the new batch in the running statistics (torch's meaning; Keras writes 1 - momentum).
        affine: with a gain and a bias for each channel; Kaldi's has none.
    """

    def __init__(self, channels: int, *, eps: float = 1e-5, momentum: float = 0.1, affine: bool = True) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, eps=eps, momentum=momentum, affine=affine)
        self.momentum = momentum

    def forward(self, x: torch.Tensor, lengths: torch.Tensor | None) -> torch.Tensor:
        """Normalise each channel.

        Args:
            x: (B, C, T, F) or (B, C, T).
            lengths: (B,) int64, valid frames; None counts all frames, as plain BatchNorm2d.
        """
        if lengths is None or not self.training:
            return self._plain(x)
        if x.ndim == 3:
            return self.forward(x[..., None], lengths)[..., 0]
        mean, variance = self._batch_statistics(x.float(), lengths)
        scale = torch.rsqrt(variance + self.norm.eps)  # (C,)
        if self.norm.affine:
            scale = scale * self.norm.weight
        shift = -mean * scale if not self.norm.affine else self.norm.bias - mean * scale
        return (x.float() * scale[:, None, None] + shift[:, None, None]).to(x.dtype)

    def _plain(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training:  # any rank: one node beside its convolution in an exported graph, so that the runtime can fold it
            norm = self.norm
            return F.batch_norm(x, norm.running_mean, norm.running_var, norm.weight, norm.bias, training=False, eps=norm.eps)
        whole: torch.Tensor = self.norm(x) if x.ndim == 4 else self.norm(x[..., None])[..., 0]
        return whole

    def _batch_statistics(self, x: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        padding = ~length_mask(lengths, x.shape[2])[:, None, :, None]  # (B, 1, T, 1)
        count = (lengths.sum() * x.shape[3]).clamp(min=1)
        mean = x.masked_fill(padding, 0.0).sum(dim=(0, 2, 3)) / count
        deviation = (x - mean[:, None, None]).masked_fill(padding, 0.0)
        variance = deviation.square().sum(dim=(0, 2, 3)) / count
        self._track(mean.detach(), variance.detach() * count / (count - 1).clamp(min=1))
        return mean, variance

    def _track(self, mean: torch.Tensor, unbiased_variance: torch.Tensor) -> None:
        running_mean, running_var, batches = self.norm.running_mean, self.norm.running_var, self.norm.num_batches_tracked
        assert running_mean is not None and running_var is not None and batches is not None  # BatchNorm2d tracks by default
        running_mean.lerp_(mean, self.momentum)
        running_var.lerp_(unbiased_variance, self.momentum)
        batches.add_(1)

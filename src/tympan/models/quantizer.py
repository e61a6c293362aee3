"""The random-projection quantizer: features become codes by a table that is never trained."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F


class RandomProjectionQuantizer(nn.Module):
    """(B, T, F) features -> (B, T', N) codes: `stack` frames beside each other, projected at random, the nearest row of a random codebook.

    Projection and codebooks are drawn once and belong to the checkpoint as buffers. Vectors and rows have length 1, so that nearest
    is largest product.

    Args:
        num_features: F.
        stack: feature frames for one code.
        codebooks: N; each has a projection of its own.
        codes: rows of a codebook.
        dim: of a row.

    Source: Chiu et al. 2022, arXiv:2202.01855, section 3.1 (Xavier's uniform distribution for the projection, the normal one for the
    codebook); several codebooks as in Google USM, arXiv:2303.01037.
    """

    projection: torch.Tensor
    codebook: torch.Tensor

    def __init__(self, num_features: int, stack: int, *, codebooks: int = 1, codes: int = 8192, dim: int = 16) -> None:
        super().__init__()
        if min(codebooks, codes - 1, dim) < 1:
            raise ValueError(f"codebooks {codebooks} and dim {dim} must be at least 1, codes {codes} at least 2")
        self.stack, self.codes = stack, codes
        projection = torch.stack([nn.init.xavier_uniform_(torch.empty(stack * num_features, dim)) for _ in range(codebooks)])
        self.register_buffer("projection", projection)  # (N, stack F, D)
        self.register_buffer("codebook", F.normalize(torch.randn(codebooks, codes, dim), dim=2))  # (N, K, D)

    @torch.no_grad()
    def forward(self, features: torch.Tensor, frames: int) -> torch.Tensor:
        """(B, T, F) and T' -> codes (B, T', N) int64, code t of the frames from `stack` t on; past the end there are zeros."""
        missing = frames * self.stack - features.shape[1]
        features = F.pad(features.float(), (0, 0, 0, max(0, missing)))[:, : frames * self.stack]
        stacked = features.reshape(len(features), frames, -1)
        projected = torch.einsum("btf,nfd->btnd", stacked, self.projection)
        codes: torch.Tensor = torch.einsum("btnd,nkd->btnk", F.normalize(projected, dim=3), self.codebook).argmax(dim=3)
        return codes

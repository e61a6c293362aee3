"""Features of whole batches where the network is, instead of in the processes that prepare batches (`data.features_on: device`)."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch.nn import functional as F

from tympan.data.torch_batches import Batch, SpeechData
from tympan.features.torch_twin import NormalizationTwin, Twin


class Featurizer:
    """Computes, normalises and hides as the data's workers would, to 1e-5: constants and masks are theirs.

    Args:
        data: whose front end and normalisations these are.
    """

    def __init__(self, data: SpeechData) -> None:
        self.compute = Twin(data.extractor)
        self.normalize = NormalizationTwin(data.normalization)
        self.normalize_chunked = NormalizationTwin(data.hearing.normalization) if data.hearing is not None else None

    @torch.no_grad()
    def __call__(self, batch: Batch) -> Batch:
        """The batch with features (B, T, F) in the place of samples."""
        if batch.samples is None or batch.sample_lengths is None:
            return batch
        with torch.autocast(batch.samples.device.type, enabled=False):
            raw, lengths = self.compute(batch.samples, batch.sample_lengths)  # (B, T', F), T' <= T
            features = self.normalize(raw, lengths)
            if self.normalize_chunked is not None and batch.chunk_sizes is not None:
                features = torch.where(batch.chunk_sizes[:, None, None] > 0, self.normalize_chunked(raw, lengths), features)
            features = F.pad(features, (0, 0, 0, batch.features.shape[1] - features.shape[1]))
            features = features.masked_fill(batch.features == 0, 0.0)
        return replace(batch, features=features, samples=None, sample_lengths=None)

"""Features where the network is are those of the workers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from noise_corpus import make_corpus
from tympan.data import Utterance
from tympan.data.augment import Augmenter, AugmentRecipe
from tympan.data.cache import cache_audio
from tympan.data.torch_batches import Hearing, SpeechData
from tympan.features import Normalization, from_config
from tympan.training.featurizing import Featurizer

MASKS = AugmentRecipe.model_validate({"spec": {"frequency_masks": 2, "frequency_width": 20, "time_masks": 3, "time_share": 0.2}})
RUNNING = Normalization("running", (0.5,) * 80, (2.0,) * 80)


def data(folder: Path, front_end: str, views: int, hearing: Hearing | None) -> SpeechData:
    make_corpus(folder, train=7, dev=1)
    extractor = from_config({"name": front_end})
    utterances = [Utterance(f"u{number}", folder / f"{number}.wav", 1.0, "") for number in range(7)]
    cache = cache_audio(utterances, folder / "cache", extractor.sample_rate)
    augmenter = Augmenter(MASKS, extractor.sample_rate)
    normalization = Normalization("utterance")
    options = {"augmentation": augmenter, "views": views, "hearing": hearing, "epoch": 3}
    return SpeechData(utterances, [[]] * 7, cache, range(7), extractor, normalization, 3.0, 5, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("views", [1, 2])
@pytest.mark.parametrize(
    ("front_end", "hearing"), [("fbank80", None), ("mel128", None), ("stft193", None), ("fbank80", Hearing((4, 8), 0.6, RUNNING))]
)
def test_batch_is_the_one_that_a_worker_makes(tmp_path: Path, front_end: str, hearing: Hearing | None, views: int) -> None:
    whole = data(tmp_path, front_end, views, hearing)
    featurize = Featurizer(whole)
    expected, later = list(whole), list(replace(whole, samples_only=True))
    assert len(later) == len(expected) > 1
    hidden = 0.0
    for one, other in zip(expected, later, strict=True):
        assert other.samples is not None and other.features.dtype == torch.uint8
        found = featurize(other)
        assert found.samples is None and found.features.dtype == torch.float32
        assert found.ids == one.ids and torch.equal(found.lengths, one.lengths) and found.features.shape == one.features.shape
        np.testing.assert_allclose(found.features.numpy(), one.features.numpy(), atol=2e-5)
        hidden += float((one.features == 0).float().mean())
    assert hidden > 0.1, "nothing was masked"
    if hearing is not None:
        assert any(batch.chunk_sizes is not None for batch in expected)


def test_batch_with_features_is_left_alone(tmp_path: Path) -> None:
    whole = data(tmp_path, "fbank80", 1, None)
    (first, *_) = list(whole)
    assert Featurizer(whole)(first) is first

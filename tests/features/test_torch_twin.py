"""The torch twins against the numpy side, which is the definition."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from tympan.errors import RecipeError, ShapeError
from tympan.features import Normalization, from_config
from tympan.features.torch_twin import build_normalization_twin, build_twin

CONFIGS = [
    {"name": "fbank64"},
    {"name": "fbank80"},
    {"name": "mel128"},
    {"name": "mel128", "log": True},
    {"name": "mfcc26"},
    {"name": "spec160"},
    {"name": "spec160", "bins": 96},
    {"name": "spec161"},
    {"name": "stft193"},
    {"name": "waveform"},
]
every_config = pytest.mark.parametrize("config", CONFIGS, ids=str)
LENGTHS = [8000, 0, 1, 199, 200, 201, 255, 256, 399, 400, 401, 5555]


def batch_BN(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """A batch of all odd lengths, whose padding is garbage that must never be read."""
    rng = np.random.default_rng(seed)
    samples = np.full((len(LENGTHS), max(LENGTHS)), np.nan, np.float32)
    for row, length in enumerate(LENGTHS):
        samples[row, :length] = 0.1 * rng.standard_normal(length)
    return torch.from_numpy(samples), torch.tensor(LENGTHS)


def assert_near(twin: torch.Tensor, numpy: np.ndarray, config) -> None:
    """1e-5 absolute for log and normalised values, relative for power (with an absolute 1e-9, far below any audible power)."""
    is_power = config == {"name": "mel128"}
    assert np.allclose(twin.numpy(), numpy, rtol=1e-5 if is_power else 0.0, atol=1e-9 if is_power else 1e-5)


@every_config
def test_a_twin_equals_numpy_for_each_utterance_of_a_batch(config) -> None:
    samples, lengths = batch_BN()
    features, feature_lengths = build_twin(config)(samples, lengths)
    extractor = from_config(config)
    assert features.dtype == torch.float32
    assert features.shape == (len(LENGTHS), extractor.num_frames(8000), extractor.num_features)
    for row, length in enumerate(LENGTHS):
        expected = extractor(samples[row, :length].numpy())
        assert feature_lengths[row] == len(expected)
        assert_near(features[row, : len(expected)], expected, config)
        assert not features[row, len(expected) :].any()


def tone_over_silence() -> np.ndarray:
    time = np.arange(8000) / 16000
    return np.where(time < 0.3, 0.9 * np.sin(2 * np.pi * 440 * time), 0.0).astype(np.float32)


def click() -> np.ndarray:
    return np.eye(1, 8000, 4000, dtype=np.float32)[0]


@every_config
@pytest.mark.parametrize("make", [tone_over_silence, click, lambda: np.zeros(8000, np.float32), lambda: np.full(8000, 0.3, np.float32)])
def test_a_twin_holds_its_tolerance_on_signals_of_extreme_range(config, make) -> None:
    samples = make()
    features, _ = build_twin(config)(torch.from_numpy(samples)[None], torch.tensor([8000]))
    assert_near(features[0], from_config(config)(samples), config)


@every_config
def test_more_padding_changes_nothing(config) -> None:
    samples, lengths = batch_BN()
    wide = torch.cat([samples, torch.full((len(LENGTHS), 3333), 7.0)], dim=1)
    twin = build_twin(config)
    features, feature_lengths = twin(samples, lengths)
    wider, wider_lengths = twin(wide, lengths)
    assert torch.equal(feature_lengths, wider_lengths)
    assert_near(wider[:, : features.shape[1]], features.numpy(), config)
    assert not wider[:, features.shape[1] :].any()


@every_config
def test_neighbours_change_nothing(config) -> None:
    samples, lengths = batch_BN()
    twin = build_twin(config)
    features, _ = twin(samples, lengths)
    alone, _ = twin(samples[-1:, :5555], lengths[-1:])
    assert_near(features[-1, : alone.shape[1]], alone[0].numpy(), config)


@every_config
def test_output_lengths_are_the_extractors_for_every_length(config) -> None:
    lengths = torch.arange(0, 2001)
    extractor = from_config(config)
    assert build_twin(config).output_lengths(lengths).tolist() == [extractor.num_frames(n) for n in range(2001)]


@every_config
@pytest.mark.parametrize("shape", [(0, 1000), (2, 0), (2, 100)])
def test_an_empty_batch_and_too_short_utterances_give_no_frames(config, shape) -> None:
    extractor = from_config(config)
    features, lengths = build_twin(config)(torch.zeros(shape), torch.full(shape[:1], shape[1]))
    assert features.shape == (shape[0], extractor.num_frames(shape[1]), extractor.num_features)
    assert lengths.tolist() == [extractor.num_frames(shape[1])] * shape[0]


def test_a_twin_keeps_its_precision_when_the_model_is_cast() -> None:
    samples = torch.from_numpy(tone_over_silence())[None]
    twin = build_twin({"name": "fbank80"})
    expected, _ = twin(samples, torch.tensor([8000]))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast, _ = copy.deepcopy(twin).to(torch.bfloat16)(samples, torch.tensor([8000]))
    assert torch.equal(cast, expected)
    assert twin.state_dict() == {}


def test_shapes_and_configs_are_checked() -> None:
    with pytest.raises(ShapeError, match=r"\(100,\)"):
        build_twin({"name": "fbank80"})(torch.zeros(100), torch.tensor([100]))
    with pytest.raises(ShapeError, match=r"\(3,\)"):
        build_twin({"name": "fbank80"})(torch.zeros(2, 100), torch.tensor([100, 100, 100]))
    with pytest.raises(RecipeError, match="mfcc"):
        build_twin({"name": "mfcc"})


NORMALIZATIONS = [{"mode": "none"}, {"mode": "utterance"}, {"mode": "global", "mean": [0.5, -8.0, 0.0], "std": [1.0, 3.0, 0.1]}]
NORMALIZATIONS += [{**NORMALIZATIONS[2], "mode": mode} for mode in ("running", "level")]


@pytest.mark.parametrize("config", NORMALIZATIONS, ids=str)
def test_a_normalization_twin_equals_numpy_and_never_reads_padding(config) -> None:
    lengths = [40, 0, 1, 2, 17]
    features = np.full((5, 40, 3), np.nan, np.float32)
    for row, length in enumerate(lengths):
        features[row, :length] = np.random.default_rng(row).standard_normal((length, 3)) * [1, 3, 0] - [0, 8, 16]
    normalized = build_normalization_twin(config)(torch.from_numpy(features), torch.tensor(lengths))
    normalization = Normalization.from_config(config)
    assert normalized.dtype == torch.float32
    for row, length in enumerate(lengths):
        assert np.abs(normalized[row, :length].numpy() - normalization(features[row, :length])).max(initial=0.0) < 1e-5
        assert not normalized[row, length:].any()


def test_a_normalization_twin_checks_shapes() -> None:
    twin = build_normalization_twin(NORMALIZATIONS[2])
    with pytest.raises(ShapeError, match=r"4.*3"):
        twin(torch.zeros(1, 5, 4), torch.tensor([5]))
    with pytest.raises(ShapeError, match=r"\(B, T, F\)"):
        twin(torch.zeros(5, 3), torch.tensor([5]))

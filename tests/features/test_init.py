"""The door of the room: configs in, extractors out."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import tympan.features
from tympan.errors import RecipeError
from tympan.features import from_config


@pytest.mark.parametrize(
    "config",
    [
        {"name": "fbank64"},
        {"name": "fbank80"},
        {"name": "mel128", "log": False},
        {"name": "mfcc26"},
        {"name": "spec160", "bins": 160},
        {"name": "spec160", "bins": 96},
        {"name": "spec161"},
        {"name": "mel128", "log": True},
        {"name": "stft193", "sample_rate": 22050},
        {"name": "stft193", "sample_rate": 16000},
        {"name": "waveform"},
    ],
)
def test_a_config_comes_back_from_its_extractor_through_json(config) -> None:
    extractor = from_config(config)
    assert extractor.config() == config
    assert from_config(json.loads(json.dumps(extractor.config()))).config() == config


@pytest.mark.parametrize(
    ("config", "full"),
    [
        ({"name": "mel128"}, {"name": "mel128", "log": False}),
        ({"name": "spec160"}, {"name": "spec160", "bins": 160}),
        ({"name": "stft193"}, {"name": "stft193", "sample_rate": 22050}),
    ],
)
def test_left_out_options_are_the_faithful_ones_and_are_told(config, full) -> None:
    assert from_config(config).config() == full


@pytest.mark.parametrize(
    ("config", "rate", "size", "shift"),
    [
        ({"name": "fbank64"}, 16000, 64, 0.01),
        ({"name": "fbank80"}, 16000, 80, 0.01),
        ({"name": "mfcc26"}, 16000, 26, 0.02),
        ({"name": "spec160", "bins": 96}, 16000, 96, 0.01),
        ({"name": "spec161"}, 16000, 161, 0.01),
        ({"name": "mel128"}, 16000, 128, 0.0125),
        ({"name": "stft193"}, 22050, 193, 160 / 22050),
        ({"name": "stft193", "sample_rate": 16000}, 16000, 193, 0.01),
        ({"name": "waveform"}, 16000, 320, 0.02),
    ],
)
def test_an_extractor_tells_its_rate_size_and_shift(config, rate, size, shift) -> None:
    extractor = from_config(config)
    assert (extractor.name, extractor.sample_rate, extractor.num_features) == (config["name"], rate, size)
    assert extractor.frame_shift_s == pytest.approx(shift)


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({}, ["None", "fbank80", "mel128", "stft193"]),
        ({"name": "mfcc"}, ["mfcc", "fbank80"]),
        ({"name": ["fbank80"]}, ["fbank80"]),
        ({"name": "fbank80", "dither": 1, "mels": 40}, ["dither", "mels", "fbank80"]),
        ({"name": "mel128", "log": "yes", "hop": 3}, ["log", "'yes'", "hop", "False, True"]),
        ({"name": "mel128", "log": 1}, ["log", "1"]),
        ({"name": "stft193", "sample_rate": 8000}, ["sample_rate", "8000", "22050", "16000"]),
        ({"name": "stft193", "sample_rate": 16000.0}, ["sample_rate", "16000.0"]),
        ({"name": "stft193", "sample_rate": [16000]}, ["sample_rate", "[16000]"]),
        ("fbank80", ["fbank80"]),
    ],
)
def test_a_wrong_config_is_told_by_key_and_value(config, told) -> None:
    with pytest.raises(RecipeError) as error:
        from_config(config)
    for part in told:
        assert part in str(error.value)


def test_all_is_sorted_and_exists() -> None:
    assert tympan.features.__all__ == sorted(tympan.features.__all__)
    for name in tympan.features.__all__:
        assert hasattr(tympan.features, name)


def test_the_runtime_side_does_not_load_torch() -> None:
    code = "import sys, tympan.features as f; f.from_config({'name': 'fbank80'}); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

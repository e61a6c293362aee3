"""The published parameter counts, exactly, and those of the corrected twins."""

from __future__ import annotations

import json

import pytest
import torch

from tympan.models.encoders import ENCODERS, Encoder
from tympan.models.heads.ctc import CTCHead
from tympan.models.presets import PRESETS


@pytest.fixture(autouse=True)
def _no_random_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.nn.init, "orthogonal_", lambda weight: weight)  # its QR of GRU weights takes seconds; counts need none


def build(encoder: dict[str, object], head: dict[str, object], num_tokens: int) -> tuple[Encoder, CTCHead]:
    options = dict(encoder)
    with torch.device("meta"):  # counts need no memory
        model = ENCODERS[str(options.pop("name"))](**options)
        return model, CTCHead(model.output_dim, num_tokens, **head)


def parameters(encoder: Encoder, head: CTCHead) -> int:
    return sum(weight.numel() for part in (encoder, head) for weight in part.parameters())


def running_statistics(encoder: Encoder) -> int:
    return sum(buffer.numel() for name, buffer in encoder.named_buffers() if name.endswith(("running_mean", "running_var")))


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("crnn-assembly-faithful", 23_705_373),
        ("crnn-assembly", 23_705_373),
        ("crnn-dredwardhyde-faithful", 23_714_749),
        ("crnn-dredwardhyde-5-faithful", 23_695_997),
        ("crnn-dredwardhyde-3-faithful", 23_677_245),
        ("crnn-dredwardhyde", 23_714_749),
    ],
)
def test_crnn_with_29_tokens_has_its_parameter_count(name: str, count: int) -> None:
    preset = PRESETS[name]
    assert parameters(*build(preset["encoder"], preset["head"], 29)) == count


@pytest.mark.parametrize(("blocks", "activation", "count"), [(3, "gelu", 23_677_245), (5, "relu", 23_695_997)])
def test_corrected_dredwardhyde_with_fewer_blocks_has_its_parameter_count(blocks: int, activation: str, count: int) -> None:
    preset = PRESETS["crnn-dredwardhyde"]
    options = {**preset["encoder"], "blocks": blocks, "activation": activation}
    assert parameters(*build(options, preset["head"], 29)) == count


@pytest.mark.parametrize(("name", "published_count"), [("deepspeech2-keras-faithful", 26_628_480), ("deepspeech2-keras", 23_777_664)])
def test_deepspeech2_keras_with_32_outputs_has_its_count_with_128_running_statistics(name: str, published_count: int) -> None:
    preset = PRESETS[name]
    encoder, head = build(preset["encoder"], preset["head"], 32)
    assert running_statistics(encoder) == 128
    assert parameters(encoder, head) + running_statistics(encoder) == published_count


def test_corrected_deepspeech2_with_193_features_has_the_published_count() -> None:
    encoder, head = build({"name": "deepspeech2_keras"}, PRESETS["deepspeech2-keras"]["head"], 32)
    assert parameters(encoder, head) + running_statistics(encoder) == 26_628_480


def test_article_figure_of_dredwardhyde_leaves_out_the_grus() -> None:
    preset = PRESETS["crnn-dredwardhyde-5-faithful"]
    encoder, head = build(preset["encoder"], preset["head"], 29)
    grus = sum(weight.numel() for name, weight in encoder.named_parameters() if ".gru." in name)
    assert grus == 22_050_816
    assert parameters(encoder, head) - grus == 1_645_181


def test_encoder_defaults_are_the_published_values() -> None:
    for name in ("crnn-assembly-faithful", "crnn-dredwardhyde-faithful", "deepspeech2-keras-faithful"):
        encoder, _ = build(PRESETS[name]["encoder"], PRESETS[name]["head"], 29)
        default, _ = build({"name": PRESETS[name]["encoder"]["name"], "faithful": True}, PRESETS[name]["head"], 29)
        assert str(default) == str(encoder)


def test_presets_are_plain_data_with_three_parts() -> None:
    assert json.loads(json.dumps(PRESETS)) == PRESETS
    assert list(PRESETS) == sorted(PRESETS)
    for preset in PRESETS.values():
        assert set(preset) == {"encoder", "head", "features"}


def test_only_faithful_presets_leave_out_the_logarithm() -> None:
    mel = {name: preset["features"]["log"] for name, preset in PRESETS.items() if preset["features"]["name"] == "mel128"}
    assert mel == {name: not name.endswith("-faithful") for name in mel}

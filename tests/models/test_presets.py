"""The published parameter counts, exactly, and those of the corrected twins."""

from __future__ import annotations

import json

import pytest
import torch

from tympan.models import build_attention
from tympan.models.encoders import ENCODERS, Encoder
from tympan.models.families import build_model
from tympan.models.heads.ctc import CTCHead
from tympan.models.presets import PRESETS
from tympan.training.recipe import PARTS_OF


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


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("deepspeech-0.9", 47_224_861),
        ("deepspeech2-openseq2seq-large", 58_971_133),
        ("deepspeech2-openseq2seq-small", 9_993_469),
        ("deepspeech2-pytorch", 86_618_400),
        ("deepspeech2-pytorch-gru", 65_036_576),
        ("deepspeech2-pytorch-lookahead", 43_475_232),
        ("jasper-10x5dr", 332_632_349),
        ("quartznet-10x5", 12_818_781),
        ("quartznet-15x5", 18_924_381),
        ("quartznet-5x5", 6_713_181),
        ("wave2letter-plus", 106_496_285),
    ],
)
def test_published_network_with_29_tokens_has_its_trained_weights(name: str, count: int) -> None:
    preset = PRESETS[name]
    assert parameters(*build(preset["encoder"], preset["head"], 29)) == count


@pytest.mark.parametrize(
    ("name", "count"), [("conformer-small", 12_995_441), ("conformer-medium", 30_538_625), ("conformer-large", 121_501_313)]
)
def test_conformer_with_nemos_129_outputs_has_its_parameter_count(name: str, count: int) -> None:
    preset = PRESETS[name]
    assert parameters(*build(preset["encoder"], preset["head"], 129)) == count


@pytest.mark.parametrize(
    ("change", "count"),
    [
        ({"dim": 144, "layers": 16, "heads": 4}, 8_713_152),
        ({"dim": 256, "layers": 16, "heads": 4}, 27_331_584),
        ({"dim": 512, "layers": 17, "heads": 8}, 115_120_128),
    ],
)
def test_conformer_encoder_of_the_paper_has_its_count_but_for_the_even_kernels_tap(change: dict[str, int], count: int) -> None:
    encoder, head = build({**PRESETS["conformer-small"]["encoder"], **change}, {}, 29)
    assert parameters(encoder, head) - 29 * (change["dim"] + 1) == count - change["layers"] * change["dim"]


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("e-branchformer-large", 116_007_936),
        ("fast-conformer-large", 108_762_112),
        ("fast-conformer-medium", 26_128_640),
        ("fast-conformer-small", 12_600_240),
        ("fast-conformer-xlarge", 607_749_120),
        ("tdnnf-7q", 14_843_904),
        ("transformer-relative", 18_477_568),
        ("transformer-rotary", 17_684_992),
        ("very-deep-cnn-ctc", 6_002_400),
    ],
)
def test_encoder_alone_has_the_count_that_the_docs_tell(name: str, count: int) -> None:
    encoder, _ = build(PRESETS[name]["encoder"], {}, 29)
    assert sum(weight.numel() for weight in encoder.parameters()) == count


def test_espnets_model_is_the_e_branchformer_with_its_ctc_layer_and_decoder() -> None:
    encoder, head = build(PRESETS["e-branchformer-large"]["encoder"], {}, 5000)
    dim, width, vocabulary = 512, 2048, 5000
    attention, norm = 4 * dim * (dim + 1), 2 * dim
    layer = 2 * attention + 2 * dim * width + width + dim + 3 * norm
    decoder = vocabulary * dim + 6 * layer + norm + vocabulary * (dim + 1)
    assert round((parameters(encoder, head) + decoder) / 1e6, 2) == 148.92


@pytest.mark.parametrize(
    ("change", "outputs", "count"),
    [
        ({"num_features": 40}, 6034, 18_702_628),
        ({"num_features": 40, "dim": 768, "bottleneck": 96, "layers": 12, "prefinal": 192}, 2336, 5_210_944),
    ],
)
def test_tdnnf_with_kaldis_ivectors_and_second_branch_has_its_count(change: dict[str, int], outputs: int, count: int) -> None:
    encoder, head = build({**PRESETS["tdnnf-7q"]["encoder"], **change}, {}, outputs)
    dim, prefinal = change.get("dim", 1536), change.get("prefinal", 256)
    ivectors, branch = 100 * dim, 2 * prefinal * dim + dim + (prefinal + 1) * outputs
    assert parameters(encoder, head) + ivectors + branch == count


def test_deepspeech_with_cudnns_two_biases_and_in_bytes_mode_has_its_counts() -> None:
    encoder = PRESETS["deepspeech-0.9"]["encoder"]
    assert parameters(*build({**encoder, "biases": 2}, {}, 29)) == 47_233_053
    assert parameters(*build(encoder, {}, 256)) == 47_689_984


def test_jasper_with_plain_residuals_has_ten_million_fewer() -> None:
    assert parameters(*build({**PRESETS["jasper-10x5dr"]["encoder"], "dense": False}, {}, 29)) == 322_286_877


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


@pytest.mark.parametrize(("size", "count"), [("small", 10_337_792), ("medium", 32_495_232), ("large", 120_443_008)])
def test_conformer_transducer_with_1024_pieces_is_near_what_the_paper_rounds_to(size: str, count: int) -> None:
    with torch.device("meta"):
        preset = {part: value for part, value in PRESETS[f"conformer-transducer-{size}"].items() if part != "features"}
        model = build_model(preset, 80, 1024)
    assert sum(weight.numel() for weight in model.parameters()) == count  # the paper: 10.3, 30.7 and 118.8 million


def test_encoder_defaults_are_the_published_values() -> None:
    faithful = ("crnn-assembly-faithful", "crnn-dredwardhyde-faithful", "deepspeech2-keras-faithful")
    others = ("deepspeech-0.9", "deepspeech2-pytorch", "e-branchformer-large", "jasper-10x5dr", "quartznet-15x5", "tdnnf-7q")
    for name in (*faithful, *others, "transformer-relative", "wave2letter-plus"):
        encoder, _ = build(PRESETS[name]["encoder"], PRESETS[name]["head"], 29)
        options = {"faithful": True} if name in faithful else {}
        default, _ = build({"name": PRESETS[name]["encoder"]["name"], **options}, PRESETS[name]["head"], 29)
        assert str(default) == str(encoder)


def test_presets_are_plain_data_with_the_parts_of_their_family() -> None:
    assert json.loads(json.dumps(PRESETS)) == PRESETS
    assert list(PRESETS) == sorted(PRESETS)
    for preset in PRESETS.values():
        family = preset.get("family", "ctc")
        own = {"head"} if family == "ctc" else {"family", *PARTS_OF[family]}
        assert set(preset) == {"encoder", "features", *own}


@pytest.mark.parametrize(
    ("name", "encoder", "speller"),
    [
        ("las", 8_568_832, 4_823_997),
        ("las-2017", 111_099_904, 28_815_101),
        ("las-location", 11_694_080, 1_738_131),
        ("very-deep-cnn-las", 6_002_400, 1_078_163),
    ],
)
def test_attention_model_with_29_tokens_has_the_counts_that_the_docs_tell(name: str, encoder: int, speller: int) -> None:
    with torch.device("meta"):
        model = build_attention(PRESETS[name], 80, 29)
    assert [sum(weight.numel() for weight in part.parameters()) for part in (model.encoder, model.speller)] == [encoder, speller]


def test_listener_of_2015_has_the_count_of_its_layers_with_40_features() -> None:
    encoder, _ = build({"name": "pyramidal_blstm", "num_features": 40}, {}, 29)
    lstm = [4 * 256 * (width + 256 + 2) for width in (40, 1024, 1024, 1024)]
    assert sum(weight.numel() for weight in encoder.parameters()) == 2 * sum(lstm) == 8_486_912


def test_speller_of_2015_is_two_lstms_attention_and_an_output() -> None:
    with torch.device("meta"):
        speller = build_attention(PRESETS["las"], 80, 29).speller
    cells = 4 * 512 * (32 + 512 + 512 + 2) + 4 * 512 * (512 + 512 + 2)
    attention, outputs = 2 * 512 * 513, 29 * (512 + 512 + 1)
    assert sum(weight.numel() for weight in speller.parameters()) == 29 * 32 + cells + attention + outputs


def test_only_faithful_presets_leave_out_the_logarithm() -> None:
    mel = {name: preset["features"]["log"] for name, preset in PRESETS.items() if preset["features"]["name"] == "mel128"}
    assert mel == {name: not name.endswith("-faithful") for name in mel}

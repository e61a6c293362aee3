"""Every encoder in a size that a test can afford: all that the published one has, at a few units' width."""

from __future__ import annotations

from typing import Any

from tympan.models import CTCModel, build

FEATURES = 21
TOKENS = 6
ATTENTION: dict[str, Any] = {"dim": 16, "layers": 2, "heads": 2}
CONVOLUTIONAL: dict[str, Any] = {"groups": 2, "repeat": 2, "width": 0.02}
RECURRENT: dict[str, Any] = {"channels": 2, "rnn_layers": 2, "rnn_dim": 6}
DEEPSPEECH2: dict[str, Any] = {"name": "deepspeech2_pytorch", **RECURRENT}

MINIATURES: dict[str, dict[str, Any]] = {
    "conformer": {"encoder": {"name": "conformer", **ATTENTION, "kernel": 5, "expansion": 2}, "head": {"unfold": 2}},
    "conformer_published": {
        "encoder": {
            "name": "conformer",
            **ATTENTION,
            "kernel": 5,
            "positions": "relative",
            "conv_norm": "batch",
            "stem": "wide",
            "subsampling": 4,
        }
    },
    "crnn_assembly": {"encoder": {"name": "crnn_assembly", **RECURRENT, "blocks": 1}},
    "crnn_dredwardhyde": {"encoder": {"name": "crnn_dredwardhyde", **RECURRENT, "blocks": 1}},
    "deepspeech": {"encoder": {"name": "deepspeech", "dim": 12, "context": 2}},
    "deepspeech2_gru": {"encoder": {**DEEPSPEECH2, "rnn": "gru", "merge": "concat"}},
    "deepspeech2_keras": {"encoder": {"name": "deepspeech2_keras", **RECURRENT}, "head": {"hidden": 8, "activation": "relu"}},
    "deepspeech2_lookahead": {"encoder": {**DEEPSPEECH2, "bidirectional": False, "lookahead": 4}, "head": {"bias": False}},
    "deepspeech2_pytorch": {"encoder": DEEPSPEECH2, "head": {"bias": False}},
    "e_branchformer": {"encoder": {"name": "e_branchformer", **ATTENTION, "feed_forward": 24, "gated": 12, "kernel": 5, "merge_kernel": 3}},
    "fast_conformer": {
        "encoder": {"name": "conformer", **ATTENTION, "kernel": 3, "positions": "relative", "conv_norm": "batch", "stem": "separable"},
        "head": {"unfold": 2},
    },
    "jasper": {"encoder": {"name": "jasper", **CONVOLUTIONAL, "blocks": 2}},
    "pyramidal_blstm": {"encoder": {"name": "pyramidal_blstm", "dim": 6, "layers": 2, "pyramid": 2, "stack": 3}},
    "quartznet": {"encoder": {"name": "quartznet", **CONVOLUTIONAL, "blocks": 1}},
    "tdnnf": {"encoder": {"name": "tdnnf", "dim": 16, "bottleneck": 6, "layers": 5, "prefinal": 8}},
    "transformer_relative": {"encoder": {"name": "transformer", **ATTENTION, "feed_forward": 24}},
    "transformer_rotary": {"encoder": {"name": "transformer", **ATTENTION, "feed_forward": 24, "positions": "rotary", "subsampling": 8}},
    "very_deep_cnn": {"encoder": {"name": "very_deep_cnn", "channels": 2, "blocks": 2, "layers": 2, "dim": 6}},
    "wave2letter": {"encoder": {"name": "wave2letter", **CONVOLUTIONAL}},
}
FAITHFUL = sorted(name for name in MINIATURES if name.startswith(("crnn", "deepspeech2", "jasper", "quartznet", "wave2letter")))


def without_dropout(name: str, **options: Any) -> dict[str, Any]:
    """A miniature's description with `options` for its encoder, and nothing random in training."""
    config = MINIATURES[name]
    return {"encoder": {**config["encoder"], "dropout": 0.0, **options}, "head": {**config.get("head", {}), "dropout": 0.0}}


def miniature(name: str, **options: Any) -> CTCModel:
    """The network without dropout, fresh, in evaluation."""
    return build(without_dropout(name, **options), FEATURES, TOKENS).eval()

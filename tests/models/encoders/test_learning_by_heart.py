"""Every family of encoders learns 32 utterances by heart."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from miniatures import FEATURES
from tympan.decoding import greedy
from tympan.models import build
from tympan.models.encoders import ENCODERS
from tympan.tokens import TokenTable
from tympan.training.objectives import ctc_loss

STEPS, CHECK_EVERY = 800, 20
WORDS = ("ab", "ba", "cab", "bac")
TABLE = TokenTable.from_texts([" ".join(WORDS)])
ATTENTION: dict[str, Any] = {"dim": 24, "layers": 1, "heads": 2}
DEEPSPEECH2: dict[str, Any] = {"name": "deepspeech2_pytorch", "channels": 2, "rnn_layers": 1, "rnn_dim": 16}

SMALL: dict[str, dict[str, Any]] = {
    "conformer": {"encoder": {"name": "conformer", **ATTENTION, "kernel": 5, "expansion": 2, "subsampling": 4}},
    "conformer_published": {
        "encoder": {
            "name": "conformer",
            **ATTENTION,
            "kernel": 5,
            "expansion": 2,
            "positions": "relative",
            "conv_norm": "batch",
            "stem": "wide",
            "subsampling": 4,
        }
    },
    "crnn_assembly": {"encoder": {"name": "crnn_assembly", "channels": 4, "blocks": 1, "rnn_layers": 1, "rnn_dim": 16}},
    "crnn_dredwardhyde": {"encoder": {"name": "crnn_dredwardhyde", "channels": 4, "blocks": 1, "rnn_layers": 1, "rnn_dim": 16}},
    "deepspeech": {"encoder": {"name": "deepspeech", "dim": 64, "context": 9}},
    "deepspeech2_gru": {"encoder": {**DEEPSPEECH2, "rnn": "gru"}, "head": {"bias": False}},
    "deepspeech2_lookahead": {"encoder": {**DEEPSPEECH2, "bidirectional": False, "lookahead": 4}, "head": {"bias": False}},
    "deepspeech2_openseq2seq": {
        "encoder": {"name": "deepspeech2_keras", "channels": 2, "rnn_layers": 1, "rnn_dim": 16},
        "head": {"hidden": 24, "activation": "relu"},
    },
    "deepspeech2_pytorch": {"encoder": DEEPSPEECH2, "head": {"bias": False}},
    "e_branchformer": {"encoder": {"name": "e_branchformer", **ATTENTION, "feed_forward": 32, "gated": 32, "kernel": 5, "merge_kernel": 3}},
    "fast_conformer": {
        "encoder": {
            "name": "conformer",
            **ATTENTION,
            "kernel": 3,
            "expansion": 2,
            "positions": "relative",
            "conv_norm": "batch",
            "stem": "separable",
            "subsampling": 8,
        },
        "head": {"unfold": 2},
    },
    "jasper": {"encoder": {"name": "jasper", "groups": 2, "blocks": 1, "repeat": 1, "width": 0.1}},
    "pyramidal_blstm": {"encoder": {"name": "pyramidal_blstm", "dim": 24, "layers": 1, "pyramid": 2}},
    "quartznet": {"encoder": {"name": "quartznet", "groups": 1, "blocks": 1, "repeat": 1, "width": 0.1}},
    "tdnnf": {"encoder": {"name": "tdnnf", "dim": 32, "bottleneck": 12, "layers": 5, "prefinal": 16}},
    "transformer_relative": {"encoder": {"name": "transformer", **ATTENTION, "feed_forward": 48}},
    "transformer_rotary": {"encoder": {"name": "transformer", **ATTENTION, "feed_forward": 48, "positions": "rotary"}},
    "very_deep_cnn": {"encoder": {"name": "very_deep_cnn", "channels": 2, "blocks": 1, "layers": 1, "dim": 16}},
    "wave2letter": {"encoder": {"name": "wave2letter", "groups": 1, "repeat": 1, "width": 0.1}},
}
SLOW = ("crnn_assembly", "crnn_dredwardhyde", "deepspeech", "deepspeech2_lookahead", "deepspeech2_openseq2seq", "fast_conformer")


def corpus(seed: int) -> tuple[torch.Tensor, torch.Tensor, list[str]]:
    """32 noisy utterances of one or two words: features (32, T, F), lengths (32,), texts.

    Each character is a spectrum of its own for 8 to 12 frames, as loud as its speaker.
    """
    chance = torch.Generator().manual_seed(seed)
    spectra = {token: 2 * torch.randn(FEATURES, generator=chance) for token in TABLE.tokens[1:]}
    sounds, texts = [], []
    for _ in range(32):
        count = int(torch.randint(1, 3, (), generator=chance))
        text = " ".join(WORDS[index] for index in torch.randint(len(WORDS), (count,), generator=chance).tolist())
        lasts = torch.randint(8, 13, (len(text),), generator=chance)
        clean = torch.stack([spectra[token] for token in text]).repeat_interleave(lasts, 0)
        loudness = 0.7 + 0.6 * torch.rand((), generator=chance)
        sounds.append(loudness * clean + 0.5 * torch.randn(clean.shape, generator=chance))
        texts.append(text)
    features = torch.nn.utils.rnn.pad_sequence(sounds, batch_first=True)
    return features, torch.tensor([len(sound) for sound in sounds]), texts


def steps_to_zero_wer(name: str, seed: int) -> int:
    """Optimiser steps until the greedy texts are right; more than `STEPS` if they never are."""
    features, lengths, texts = corpus(seed)
    config = SMALL[name]
    torch.manual_seed(seed)
    model = build(
        {"encoder": {**config["encoder"], "dropout": 0.0}, "head": {**config.get("head", {}), "dropout": 0.0}}, FEATURES, len(TABLE)
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    targets = [TABLE.encode(text) for text in texts]
    for step in range(1, STEPS + 1):
        chosen = torch.randperm(len(texts))[:16].tolist()
        longest = int(lengths[chosen].max())
        output = model.train().run(features[chosen, :longest], lengths[chosen])
        flat = torch.tensor([token for index in chosen for token in targets[index]])
        loss = ctc_loss(output.log_probs, output.lengths, flat, torch.tensor([len(targets[index]) for index in chosen]))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        model.encoder.after_step(step)
        if step % CHECK_EVERY == 0:
            with torch.no_grad():
                log_probs, frames = model.eval()(features, lengths)
            heard = [TABLE.decode(greedy(row[:count].numpy()).tokens) for row, count in zip(log_probs, frames.tolist(), strict=True)]
            if heard == texts:
                return step
    return STEPS + 1


def test_there_is_a_case_for_every_encoder() -> None:
    assert {config["encoder"]["name"] for config in SMALL.values()} == set(ENCODERS) - {"huggingface"}  # pre-trained by others


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.long] if name in SLOW else []) for name in SMALL])
def test_encoder_learns_32_utterances_without_an_error(name: str) -> None:
    assert steps_to_zero_wer(name, seed=0) <= STEPS

"""Out of memory, for real: the system gives the process no more than one long batch needs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from noise_corpus import RATE, make_corpus, sections, still
from tympan.data import write_manifest
from tympan.training.checkpoint import load_checkpoint
from zygote import Zygote

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's memory as a whole")

LONG, SECONDS = 4, 60  # utterances in the long batch, and how long each is: 480 MB, most of it in few pieces
LIMIT = 300 << 20


@pytest.fixture
def recipe(tmp_path: Path) -> dict[str, Any]:
    """Four long utterances in one batch, some short ones in another; nothing random, so that halves give the gradient of the whole."""
    corpus = make_corpus(tmp_path / "corpus", train=8)
    rows = [json.loads(line) for line in (corpus / "train.jsonl").read_text().splitlines()]
    rng = np.random.default_rng(1)
    for number in range(LONG):
        sound = 0.1 * rng.standard_normal(RATE * SECONDS + 160 * number)
        soundfile.write(corpus / f"long{number}.wav", sound, RATE)
        rows.append({"audio_filepath": f"long{number}.wav", "duration": len(sound) / RATE, "text": "ab"})
    write_manifest(corpus / "train.jsonl", rows)
    data = {"max_batch_seconds": LONG * SECONDS + 10.0, "max_duration_s": 70.0}
    training = {"max_epochs": 2, "ema_decay": 0.0, "accumulate": 2, "checkpoint_minutes": 100.0}
    return sections(corpus, model=still(), augment={"speed": None, "spec": None}, data=data, training=training)


def test_batch_for_which_memory_does_not_suffice_is_halved_named_and_gives_the_same_weights(
    zygote: Zygote, recipe: dict[str, Any], tmp_path: Path
) -> None:
    children = {
        name: zygote.start(recipe, tmp_path / name, limits=limits) for name, limits in (("whole", {}), ("halved", {"RLIMIT_AS": LIMIT}))
    }
    for child in children.values():
        assert child.wait() == 0, child.text()
    assert "out of memory" not in children["whole"].text()
    told = children["halved"].text()
    assert f"out of memory on {LONG} utterances, which are taken in two halves; the longest is long{LONG - 1}.wav" in told
    whole, halved = (load_checkpoint(tmp_path / name / "last.safetensors") for name in ("whole", "halved"))
    assert whole.facts["step"] == halved.facts["step"] and halved.facts["skipped"] == {}
    for name, tensor in whole.model.items():
        torch.testing.assert_close(halved.model[name], tensor, rtol=0, atol=2e-5)

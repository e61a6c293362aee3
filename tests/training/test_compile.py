"""A compiled encoder trains as one that is not, and its checkpoints have the same names."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from noise_corpus import make_corpus, sections, still, train_here
from tympan.training.checkpoint import load_checkpoint


@pytest.mark.long
@pytest.mark.skipif(shutil.which("g++") is None and shutil.which("clang++") is None, reason="torch.compile needs a C++ compiler here")
@pytest.mark.filterwarnings("ignore")  # torch's own compiler warns of its own parts
def test_compiled_encoder_trains_alike(tmp_path: Path) -> None:
    corpus = make_corpus(tmp_path / "corpus", train=4, samples=(8000, 8001), letters=3)  # few shapes: each is compiled anew
    for name, compiled in (("plain", False), ("compiled", True)):
        training = {"max_epochs": 1, "ema_decay": 0.0}
        train_here(sections(corpus, model=still(), training=training, trainer={"compile": compiled}), tmp_path / name)
    found = {name: load_checkpoint(tmp_path / name / "last.safetensors").model for name in ("plain", "compiled")}
    assert found["plain"].keys() == found["compiled"].keys()
    for name, tensor in found["plain"].items():
        torch.testing.assert_close(found["compiled"][name], tensor, rtol=1e-3, atol=1e-4)

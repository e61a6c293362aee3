"""Checkpoints of other tools that lie about are never opened by a training, whatever would open them by itself."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch

from noise_corpus import make_corpus, sections, train_here

SLURM = {
    "SLURM_NTASKS": "1",
    "SLURM_JOB_NAME": "train",
    "SLURM_PROCID": "0",
    "SLURM_LOCALID": "0",
    "SLURM_NODEID": "0",
    "SLURM_JOB_ID": "7",
}


class Evil:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (str(self.folder),)


@pytest.fixture
def recipe(tmp_path: Path) -> dict[str, Any]:
    return sections(make_corpus(tmp_path / "corpus"), training={"max_epochs": 1})


def test_lightnings_own_checkpoints_are_not_looked_for_under_slurm(
    recipe: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under SLURM, Lightning loads hpc_ckpt_N.ckpt, a pickle, from the folder that it takes for its own: by default where one is."""
    for name, value in SLURM.items():
        monkeypatch.setenv(name, value)
    run = tmp_path / "run"
    run.mkdir()
    for folder in (tmp_path, run):
        torch.save({"state_dict": Evil(tmp_path / "evil"), "pytorch-lightning_version": "2.6.6"}, folder / "hpc_ckpt_1.ckpt")
    monkeypatch.chdir(tmp_path)
    train_here(recipe, run)
    assert not (tmp_path / "evil").exists()
    assert (run / "best.safetensors").exists()


@pytest.mark.parametrize("name", ["last.safetensors", "last.ckpt"])
def test_pickle_under_the_name_of_a_checkpoint_is_refused_or_left_alone(recipe: dict[str, Any], tmp_path: Path, name: str) -> None:
    run = tmp_path / "run"
    run.mkdir()
    torch.save(Evil(tmp_path / "evil"), run / name)
    if name == "last.ckpt":
        train_here(recipe, run)
    else:
        with pytest.raises(Exception, match="is not a checkpoint of Tympan"):
            train_here(recipe, run)
    assert not (tmp_path / "evil").exists()

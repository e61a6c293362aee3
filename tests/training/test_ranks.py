"""How many processes a training has, and which one this is, by what started it."""

from __future__ import annotations

import pytest
import torch

from tympan.training.ranks import Ranks, own_rank, topology
from tympan.training.recipe import TrainerRecipe

TORCHRUN = {"TORCHELASTIC_RUN_ID": "x", "RANK": "11", "LOCAL_RANK": "3", "WORLD_SIZE": "32", "LOCAL_WORLD_SIZE": "8", "GROUP_RANK": "1"}
SLURM = {"SLURM_NTASKS": "32", "SLURM_NNODES": "4", "SLURM_PROCID": "17", "SLURM_LOCALID": "1", "SLURM_JOB_NAME": "train"}
LIGHTNING = {"LOCAL_RANK": "3", "WORLD_SIZE": "16", "NODE_RANK": "1"}


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in {**TORCHRUN, **SLURM, **LIGHTNING}:
        monkeypatch.delenv(name, raising=False)


def test_alone_is_rank_0_and_the_recipe_decides() -> None:
    assert own_rank(environment={}) == 0
    assert topology(TrainerRecipe(devices=8, num_nodes=4), {}) == (8, 4)
    assert topology(TrainerRecipe(devices="auto", accelerator="cpu"), {}) == (1, 1)


def test_torchrun_comes_before_the_recipe() -> None:
    assert own_rank(environment=TORCHRUN) == 11
    assert topology(TrainerRecipe(), TORCHRUN) == (8, 4)


def test_slurm_comes_before_the_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SLURM.items():  # lightning looks for itself
        monkeypatch.setenv(name, value)
    assert own_rank(environment=SLURM) == 17
    assert topology(TrainerRecipe(), SLURM) == (8, 4)


def test_shell_within_a_slurm_job_is_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    shell = {**SLURM, "SLURM_NTASKS": "1", "SLURM_PROCID": "0"}
    for name, value in shell.items():
        monkeypatch.setenv(name, value)
    assert own_rank(environment=shell) == 0
    assert topology(TrainerRecipe(devices=2), shell) == (2, 1)


def test_lightnings_own_processes_count_by_machine() -> None:
    assert own_rank(8, LIGHTNING) == 11
    assert own_rank(8, {"NODE_RANK": "1"}) == 8, "the first process of the second machine"


def test_alone_nothing_goes_anywhere() -> None:
    ranks, tensor = Ranks(), torch.tensor([1.0, 2.0])
    ranks.sum([tensor])
    ranks.same([tensor])
    assert tensor.tolist() == [1.0, 2.0]
    assert ranks.gather({"a": [1, None]}) == [{"a": [1, None]}] and ranks.of_first("ü") == "ü"
    assert ranks.gather_bytes(b"\0\xff") == [b"\0\xff"]

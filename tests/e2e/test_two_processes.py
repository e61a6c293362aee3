"""Two processes train as one does; one that dies takes the other with it, by name, and the run goes on."""

from __future__ import annotations

import json
import signal
import socket
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from noise_corpus import assert_same_training, make_corpus, metrics, sections, still
from strategies import Run
from tympan.training.checkpoint import load_checkpoint
from zygote import Child, Zygote, until

pytestmark = pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="this torch has no gloo")


def start_two(zygote: Zygote, recipe: dict[str, Any], run: Path, **options: Any) -> list[Child]:
    """Both processes, as torchrun starts them."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    shared = {
        "TORCHELASTIC_RUN_ID": "test",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "WORLD_SIZE": "2",
        "LOCAL_WORLD_SIZE": "2",
    }
    return [
        zygote.start(recipe, run, environment={**shared, "RANK": str(rank), "LOCAL_RANK": str(rank), "GROUP_RANK": "0"}, **options)
        for rank in range(2)
    ]


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Nothing random but the data, seven batches an epoch: two processes cannot share them evenly."""
    corpus = make_corpus(tmp_path_factory.mktemp("corpus") / "noise", dev=3)
    training = {"max_epochs": 2, "accumulate": 1, "ema_decay": 0.9, "checkpoint_minutes": 100.0}
    return sections(corpus, model=still(), training=training)


@pytest.fixture(scope="module")
def lively(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """With dropout, dropped layers, and a checkpoint after each step."""
    corpus = make_corpus(tmp_path_factory.mktemp("corpus") / "noise", dev=3)
    return sections(corpus, training={"accumulate": 1, "max_epochs": 3})


@pytest.fixture(scope="module")
def whole(zygote: Zygote, lively: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an unbroken training by two processes."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    for child in start_two(zygote, lively, folder):
        assert child.wait() == 0, child.text()
    return folder


def test_two_processes_take_the_steps_of_one_that_accumulates_two(zygote: Zygote, recipe: dict[str, Any], tmp_path: Path) -> None:
    one = zygote.start({**recipe, "training": {**recipe["training"], "accumulate": 2}}, tmp_path / "one")
    two = start_two(zygote, recipe, tmp_path / "two")
    for child in (one, *two):
        assert child.wait() == 0, child.text()
    alone, together = (load_checkpoint(tmp_path / name / "last.safetensors") for name in ("one", "two"))
    assert together.facts["step"] == alone.facts["step"] > 4
    assert together.facts["batches_per_step"] == alone.facts["batches_per_step"] == 2
    torch.testing.assert_close(together.facts["losses"], alone.facts["losses"], rtol=1e-5, atol=1e-6)
    for part in ("model", "average"):
        for name, tensor in getattr(alone, part).items():
            torch.testing.assert_close(
                getattr(together, part)[name], tensor, rtol=1e-4, atol=1e-5, msg=lambda text, name=name: f"{name}: {text}"
            )
    for expected, found in zip(alone.facts["history"], together.facts["history"], strict=True):
        assert found == pytest.approx(expected, rel=1e-4)
    assert "rank" not in two[0].text() and "epoch" not in two[1].text(), "the first process tells for all"


def test_killed_together_they_go_on_to_the_same_weights(zygote: Zygote, lively: dict[str, Any], whole: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    children = start_two(zygote, lively, run)
    until(lambda: (run / "last.safetensors").exists() or children[0].done())
    for child in children:
        child.kill()
        assert child.wait() == -signal.SIGKILL
    for child in start_two(zygote, lively, run):
        assert child.wait() == 0, child.text()
    assert_same_training(whole, run)


@pytest.mark.parametrize("dead", [pytest.param(0, marks=pytest.mark.long), 1])
def test_rank_that_dies_ends_the_training_with_its_name_and_the_run_resumes(
    zygote: Zygote, lively: dict[str, Any], whole: Path, tmp_path: Path, dead: int
) -> None:
    run = tmp_path / "run"
    children = start_two(zygote, lively, run)
    until(lambda: (run / "last.safetensors").exists() or children[0].done())
    children[dead].kill()
    survivor = children[1 - dead]
    assert survivor.wait() == 2, survivor.text()
    assert f"rank {dead} (process {children[dead].pid} on {socket.gethostname()}) died" in survivor.text()
    assert "The same command goes on from the checkpoint of" in survivor.text() and "Traceback" not in survivor.text()
    assert json.loads((run / "state.json").read_text())["state"] == "stopped"
    for child in start_two(zygote, lively, run):
        assert child.wait() == 0, child.text()
    assert_same_training(whole, run)


def test_signal_to_one_of_them_stops_all_after_the_same_step(zygote: Zygote, lively: dict[str, Any], tmp_path: Path) -> None:
    children = start_two(zygote, lively, tmp_path / "run")
    until(lambda: (tmp_path / "run" / "last.safetensors").exists() or children[0].done())
    children[1].kill(signal.SIGTERM)
    assert [child.wait() for child in children] == [2, 2]
    assert "Stopped by SIGTERM after step" in children[0].text()


@pytest.mark.long
def test_run_of_two_goes_on_in_one_that_accumulates_two(zygote: Zygote, recipe: dict[str, Any], tmp_path: Path) -> None:
    run = tmp_path / "run"
    often = {**recipe, "training": {**recipe["training"], "checkpoint_minutes": 1e-9}}
    children = start_two(zygote, often, run)
    until(lambda: (run / "last.safetensors").exists() or children[0].done())
    for child in children:
        child.kill()
        child.wait()
    refused = zygote.start(often, run)
    assert refused.wait() == 2 and "a step took 2 batches (devices x num_nodes x training.accumulate), now 1" in refused.text()
    alone = zygote.start({**often, "training": {**often["training"], "accumulate": 2}}, run)
    assert alone.wait() == 0, alone.text()
    assert len(metrics(run)) > 0


@pytest.mark.long
def test_command_starts_the_other_processes_itself(tympan: Run, recipe: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "noise.yaml"
    path.write_text(yaml.safe_dump(json.loads(json.dumps(recipe, default=str))))
    result = tympan("train", path, "--run", tmp_path / "run", "--set", "trainer.devices=2", "trainer.accelerator=cpu")
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "run" / "model.tympan").exists() and result.stdout.count("model.tympan") == 1
    assert load_checkpoint(tmp_path / "run" / "best.safetensors").facts["batches_per_step"] == 2
    assert result.stderr.count("epoch 1/2") == 1

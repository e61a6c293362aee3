"""A training that is killed, again and again and at any moment, ends as the one that nobody touched."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path
from typing import Any

import pytest

from noise_corpus import assert_same_training, make_corpus, sections
from zygote import Child, Zygote, until

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no kill -9")


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return sections(make_corpus(tmp_path_factory.mktemp("corpus") / "noise"))


@pytest.fixture(scope="module")
def rare(recipe: dict[str, Any]) -> dict[str, Any]:
    """The same with no checkpoint but those of the epochs, and of signals."""
    return {**recipe, "training": {**recipe["training"], "checkpoint_minutes": 1000}}


@pytest.fixture(scope="module")
def rare_whole(zygote: Zygote, rare: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "rare"
    child = zygote.start(rare, folder)
    assert child.wait() == 0, child.text()
    return folder


@pytest.fixture(scope="module")
def whole(zygote: Zygote, recipe: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the unbroken training."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    child = zygote.start(recipe, folder)
    assert child.wait() == 0, child.text()
    return folder


def state(folder: Path) -> set[tuple[str, int]]:
    """Something that changes whenever a file is written there."""
    with os.scandir(folder) as entries:
        return {(entry.name, entry.inode()) for entry in entries}


def test_killed_at_random_and_again_it_ends_where_the_unbroken_one_ends(
    zygote: Zygote, recipe: dict[str, Any], whole: Path, tmp_path: Path
) -> None:
    run, dice, kills = tmp_path / "run", random.Random(5), 0
    run.mkdir()
    while kills < 5:
        child, seen, changes = zygote.start(recipe, run), state(run), dice.randrange(1, 12)
        while changes and not child.done():
            if (now := state(run)) != seen:
                seen, changes = now, changes - 1
        if child.done():
            break
        child.kill()
        assert child.wait() == -signal.SIGKILL
        kills += 1
    last = zygote.start(recipe, run, resume=True)
    assert last.wait() == 0, last.text()
    assert kills >= 3, "the training was over before it could be killed"
    assert_same_training(whole, run)
    assert not list(run.glob(".*.tmp")), "what a killed process left half-written"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="this system does not tell whether a process is stopped")
def test_killed_while_it_writes_a_checkpoint_the_one_before_is_whole(
    zygote: Zygote, recipe: dict[str, Any], whole: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"

    def writing() -> bool:
        return (run / "last.safetensors").exists() and any(run.glob(".last.safetensors.*.tmp"))

    def stopped_while_writing() -> bool:
        """Held first, then looked at: between a look and a kill it could be done with the writing."""
        if not writing():
            return child.done()
        child.kill(signal.SIGSTOP)
        until(lambda: child.done() or Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T")
        found = writing()
        child.kill(signal.SIGKILL if found else signal.SIGCONT)
        return found

    child = zygote.start(recipe, run)
    until(stopped_while_writing)
    assert child.wait() == -signal.SIGKILL
    assert list(run.glob(".last.safetensors.*.tmp")), "it was killed between two writings"
    again = zygote.start(recipe, run)
    assert again.wait() == 0, again.text()
    assert "resuming run run at step" in again.text()
    assert_same_training(whole, run)


@pytest.mark.parametrize("name", ["SIGTERM", *(pytest.param(name, marks=pytest.mark.long) for name in ("SIGINT", "SIGUSR1"))])
def test_first_signal_ends_the_training_after_the_step_with_a_checkpoint(
    zygote: Zygote, rare: dict[str, Any], rare_whole: Path, tmp_path: Path, name: str
) -> None:
    run = tmp_path / "run"
    child: Child = zygote.start(rare, run)
    until(lambda: (run / "metrics.jsonl").exists() or child.done())
    child.kill(getattr(signal, name))
    assert child.wait() == 2, child.text()
    assert f"Stopped by {name} after step" in child.text() and "goes on from the checkpoint" in child.text()
    again = zygote.start(rare, run)
    assert again.wait() == 0, again.text()
    assert_same_training(rare_whole, run)

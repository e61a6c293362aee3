"""A disc that is really full: a small file system in memory where root may mount one, and the system's limit of a file's size."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from noise_corpus import assert_same_training, make_corpus, sections
from tympan.training.checkpoint import load_checkpoint
from zygote import Zygote, until

resource = pytest.importorskip("resource", reason="this system has no limits of file sizes")


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return sections(make_corpus(tmp_path_factory.mktemp("corpus") / "noise"))


@pytest.fixture(scope="module")
def whole(zygote: Zygote, recipe: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training with room enough."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    child = zygote.start(recipe, folder)
    assert child.wait() == 0, child.text()
    return folder


@pytest.fixture
def small_disc(tmp_path: Path, whole: Path) -> Iterator[Path]:
    """A mounted file system with room for twenty checkpoints: the logs of twelve epochs must fit beside the best ones."""
    folder = tmp_path / "disc"
    folder.mkdir()
    size = 20 * (whole / "last.safetensors").stat().st_size
    try:
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no command to mount a file system with")
    if mounted.returncode:
        pytest.skip("only root may mount a file system, the limit of file sizes is tested instead")
    yield folder
    subprocess.run(["umount", folder], check=True)


def fill(folder: Path) -> Path:
    """A file that takes all room that is left."""
    path = folder / "filler"
    with open(path, "wb", buffering=0) as file:
        for size in (1 << 12, 1):
            try:
                while file.write(bytes(size)):
                    pass
            except OSError:
                pass
    return path


def test_disc_full_from_the_second_checkpoint_on_ends_with_a_sentence_and_the_first_whole(
    zygote: Zygote, recipe: dict[str, Any], whole: Path, small_disc: Path
) -> None:
    run = small_disc / "run"
    child = zygote.start(recipe, run)
    until(lambda: (run / "last.safetensors").exists() or child.done())
    filler = fill(small_disc)
    assert child.wait() == 2, child.text()
    text = " ".join(child.text().split())
    assert "last.safetensors cannot be written: No space left on device" in text and "MB are free" in text
    assert "The training goes on, and tries again." in text
    assert "Make room, and give the same command again." in text.rpartition("tympan: ")[2]
    assert "Traceback" not in text
    kept = load_checkpoint(run / "last.safetensors").facts
    assert kept["epoch"] < recipe["training"]["max_epochs"]
    filler.unlink()
    again = zygote.start(recipe, run)
    assert again.wait() == 0, again.text()
    assert_same_training(whole, run)


def test_disc_that_is_full_for_a_while_costs_nothing_but_a_sentence(
    zygote: Zygote, recipe: dict[str, Any], whole: Path, small_disc: Path
) -> None:
    run = small_disc / "run"
    more = {**recipe, "training": {**recipe["training"], "max_epochs": 12}, "loggers": ["tensorboard"]}
    child = zygote.start(more, run)
    until(lambda: (run / "last.safetensors").exists() or child.done())
    filler = fill(small_disc)
    until(lambda: "cannot be written" in child.text() or child.done())
    filler.unlink()
    assert child.wait() == 0, child.text()
    assert child.text().count("checkpoints are written again") == 1
    assert load_checkpoint(run / "last.safetensors").facts["epoch"] == 12
    assert (run / "best.safetensors").exists()
    assert [path.name for path in run.glob(".*")] == []


def test_limit_of_file_sizes_ends_with_a_sentence(zygote: Zygote, recipe: dict[str, Any], whole: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    size = (whole / "last.safetensors").stat().st_size
    child = zygote.start(recipe, run, limits={"RLIMIT_FSIZE": size // 2})
    assert child.wait() == 2, child.text()
    text = " ".join(child.text().split())
    assert "cannot be written: File too large" in text and "Traceback" not in text
    assert not (run / "last.safetensors").exists() and not list(run.glob(".*.tmp"))
    assert os.path.getsize(run / "metrics.jsonl") > 0
    again = zygote.start(recipe, run)
    assert again.wait() == 0, again.text()
    assert_same_training(whole, run)

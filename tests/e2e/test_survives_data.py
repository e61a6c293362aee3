"""Recordings that vanish while a training runs, and losses that are not finite: skipped, counted, named; or one clear sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from noise_corpus import make_corpus, sections, still, train_here
from tympan.errors import TrainingError
from tympan.training.checkpoint import load_checkpoint

UTTERANCES = 110  # one of them is less than 1 %, two are more


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return make_corpus(tmp_path / "corpus", train=UTTERANCES, samples=(5000, 7000), letters=3)


def recipe(corpus: Path, cache: Path, **training: Any) -> dict[str, Any]:
    options = {"max_epochs": 3, "ema_decay": 0.0, "accumulate": 1, "checkpoint_minutes": 100.0, **training}
    return sections(corpus, model=still(), data={"cache": cache, "max_batch_seconds": 6.0}, augment={}, training=options)


def cut(cache: Path, samples: int) -> Callable[[], None]:
    """Takes so many samples from the end of the decoded audio, as a disc does that loses blocks."""

    def cut_now() -> None:
        path = max(cache.rglob("*.pcm"), key=lambda path: path.stat().st_size)
        with open(path, "rb+") as file:
            file.truncate(path.stat().st_size - 2 * samples)

    return cut_now


def test_recording_that_is_gone_in_the_third_epoch_is_skipped_counted_and_named(corpus: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    display = train_here(recipe(corpus, cache), tmp_path / "run", {1: cut(cache, 100)})
    facts = load_checkpoint(tmp_path / "run" / "last.safetensors").facts
    ((name, reason),) = facts["skipped"].items()
    assert [note for note in display.notes if note.startswith("left out")] == [f"left out: {name}: {reason}"]
    assert name.endswith(".wav") and ".pcm" in reason
    assert facts["epoch"] == 3


def test_more_than_one_in_a_hundred_gone_ends_with_the_list_and_goes_on_when_it_is_back(corpus: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    with pytest.raises(TrainingError) as error:
        train_here(recipe(corpus, cache), tmp_path / "run", {1: cut(cache, 20_000)})  # of about 6,000 each
    for part in (f" of {UTTERANCES} utterances could not be used on the way, more than 1%: ", ".wav: ", "The same command goes on"):
        assert part in str(error.value)
    assert load_checkpoint(tmp_path / "run" / "last.safetensors").facts["epoch"] == 2
    state = json.loads((tmp_path / "run" / "state.json").read_text())
    assert state["state"] == "stopped" and ".wav" in state["reason"]
    for path in cache.rglob("*"):
        if path.is_file():
            path.unlink()
    train_here(recipe(corpus, cache), tmp_path / "run")
    facts = load_checkpoint(tmp_path / "run" / "last.safetensors").facts
    assert facts["epoch"] == 3 and facts["skipped"] == {}


def test_rate_that_makes_the_weights_infinite_ends_after_three_steps_with_their_batches(corpus: Path, tmp_path: Path) -> None:
    data = recipe(corpus, tmp_path / "cache", learning_rate=1e38, warmup_share=0.0, schedule="constant")
    with pytest.raises(TrainingError) as error:
        train_here(data, tmp_path / "run")
    for part in ("3 steps one after the other were not finite", "Lower training.learning_rate", str(tmp_path / "run" / "bad"), ".wav"):
        assert part in str(error.value)
    rows = [json.loads(line) for line in (tmp_path / "run" / "bad" / "steps.jsonl").read_text().splitlines()]
    assert len(rows) == 3 and all(row["ids"] for row in rows)
    saved = sorted((tmp_path / "run" / "bad").glob("*.safetensors"))
    assert len(saved) == 3
    tensors = load_file(saved[0])
    assert tensors["0/features"].shape[0] == len(rows[0]["ids"]) == len(tensors["0/lengths"])

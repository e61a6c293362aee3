"""Training of language models: it learns a toy language, and goes on where it was broken off."""

from __future__ import annotations

import json
import math
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tympan.errors import CheckpointError, LMError, RecipeError, TokenError, TrainingError
from tympan.lm import NeuralLM
from tympan.training.lm.export import export
from tympan.training.lm.loop import train
from tympan.training.lm.prepare import prepare
from tympan.training.lm.recipe import LMRecipe, check_lm_recipe
from tympan.training.lm.state import Training, loss_of
from tympan.training.run_folder import RunFolder

# A chain of two letters; "" is the sentence's edge.
CHAIN = {"": {"a": 0.7, "b": 0.3}, "a": {"a": 0.1, "b": 0.6, "": 0.3}, "b": {"a": 0.5, "b": 0.2, "": 0.3}}


class Silent:
    def note(self, text: str) -> None: ...

    def progress(self, phase: str, done: int, total: int) -> None: ...


class Notes(Silent):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


class KilledError(Exception):
    pass


def sentences(seed: int, count: int) -> list[str]:
    random, found = Random(seed), []
    for _ in range(count):
        letters = [""]
        while len(letters) == 1 or letters[-1]:
            after = CHAIN[letters[-1]]
            letters.append(random.choices([*after], [*after.values()])[0])
        found.append("".join(letters))
    return found


def true_perplexity(lines: list[str]) -> float:
    """Of the chain itself, a token, sentence ends counted: no model is better on much text."""
    pairs = [pair for line in lines for pair in zip(["", *line], [*line, ""], strict=True)]
    return math.exp(-sum(math.log(CHAIN[before][after]) for before, after in pairs) / len(pairs))


def recipe(folder: Path, **changes: Any) -> LMRecipe:
    (folder / "train.txt").write_text("\n".join(sentences(1, 1000)) + "\n")
    (folder / "dev.txt").write_text("\n".join(sentences(2, 300)) + "\n")
    settings = {"max_epochs": 4, "learning_rate": 0.02, "batch_tokens": 128, "threads": 1, "accelerator": "cpu"}
    data = {
        "name": "toy",
        "data": {"train": [folder / "train.txt"], "dev": [folder / "dev.txt"]},
        "model": {"embedding": 8, "hidden": 16, "dropout": 0.05},
        "training": {**settings, **changes.pop("training", {})},
        **changes,
    }
    return check_lm_recipe(data)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_perplexity_comes_close_to_that_of_the_language_itself(tmp_path: Path, seed: int) -> None:
    best = train(recipe(tmp_path, seed=seed), tmp_path / "run", Silent())
    export(best, tmp_path / "toy.nlm")
    dev = (tmp_path / "dev.txt").read_text().split()
    lm = NeuralLM.open(tmp_path / "toy.nlm")
    found, least = lm.perplexity(dev), true_perplexity(dev)
    assert 0.99 * least < found.token < 1.05 * least
    assert math.exp(lm.score_text("a")) == pytest.approx(0.7 * 0.3, rel=0.2)
    assert lm.file.facts["validation"]["perplexity"] == pytest.approx(found.token, rel=1e-3)


def test_a_training_that_was_broken_off_ends_with_the_same_weights(tmp_path: Path) -> None:
    """Also within an epoch, and with windows shorter than the sentences."""
    short = recipe(tmp_path, training={"max_epochs": 2, "window": 3, "checkpoint_minutes": 1e-9})
    whole = load_file(train(short, tmp_path / "whole", Silent()))

    for epoch in (0, 1):

        def kill(training: Training, epoch: int = epoch) -> None:
            if training.epoch == epoch and training.batch == 7:
                raise KilledError

        with pytest.raises(KilledError):
            train(short, tmp_path / "broken", Silent(), on_batch=kill)
        assert json.loads((tmp_path / "broken" / "state.json").read_text())["state"] == "stopped"
    notes = Notes()
    broken = load_file(train(short, tmp_path / "broken", notes))
    assert any("resuming run broken at step" in note for note in notes.notes)
    assert all(torch.equal(whole[name], broken[name]) for name in whole)
    assert (tmp_path / "broken" / "metrics.jsonl").read_text() == (tmp_path / "whole" / "metrics.jsonl").read_text()


def test_the_state_goes_on_from_window_to_window(tmp_path: Path) -> None:
    model = {"embedding": 8, "hidden": 16, "dropout": 0.0}
    made = recipe(tmp_path, model=model, training={"window": 3, "learning_rate": 1e-12})
    (tmp_path / "run").mkdir()
    training = prepare(made, RunFolder(tmp_path / "run"), Silent())
    chosen = training.plan[-1]  # the longest sentences
    rows, lengths = training.train.batch(chosen)
    tokens = torch.from_numpy(rows)
    with torch.no_grad():
        log_probs, _ = training.model(tokens[:, :-1], training.model.start(len(rows)))
        whole = float(loss_of(log_probs, tokens[:, 1:], 0, torch.from_numpy(lengths)))
    training.learn(chosen)
    counts = [int((lengths - first).clip(0, 3).sum()) for first in range(0, rows.shape[1] - 1, 3)]
    assert len(counts) > 2
    windows = sum(loss * count for loss, count in zip(training.losses, counts, strict=True)) / sum(counts)
    assert windows == pytest.approx(whole, rel=1e-5)


def test_a_finished_training_and_another_recipe_are_refused_and_more_epochs_are_not(tmp_path: Path) -> None:
    one = recipe(tmp_path, training={"max_epochs": 1})
    train(one, tmp_path / "run", Silent())
    with pytest.raises(CheckpointError, match="finished training: 1 epochs"):
        train(one, tmp_path / "run", Silent())
    with pytest.raises(CheckpointError, match=r"training\.window was 128, is 64"):
        train(recipe(tmp_path, training={"max_epochs": 1, "window": 64}), tmp_path / "run", Silent())
    train(recipe(tmp_path, training={"max_epochs": 2}), tmp_path / "run", Silent(), resume=True)
    (tmp_path / "train.txt").write_text("ab\nba\n")
    with pytest.raises(CheckpointError, match="texts or tokens"):
        train(one, tmp_path / "run", Silent())
    train(one, tmp_path / "run", Silent(), fresh=True)
    assert (tmp_path / "run-1").is_dir()


def test_without_dev_text_the_last_sentences_are_held_out(tmp_path: Path) -> None:
    notes = Notes()
    train(recipe(tmp_path, data={"train": [tmp_path / "train.txt"]}, training={"max_epochs": 1}), tmp_path / "run", notes)
    assert notes.notes[0] == "the last 20 sentences are held out"
    run = json.loads((tmp_path / "run" / "run.json").read_text())
    assert run["sentences"] == {"train": 980, "dev": 20}


def test_sentences_that_the_tokens_cannot_spell_are_left_out_and_told(tmp_path: Path) -> None:
    (tmp_path / "tokens.txt").write_text("<blank>\n \na\nb\n")
    made = recipe(tmp_path, training={"max_epochs": 1})
    with (tmp_path / "train.txt").open("a") as file:
        file.write("abc\n")
    notes = Notes()
    data = {**made.data.model_dump(), "tokens": tmp_path / "tokens.txt"}
    train(made.model_copy(update={"data": made.data.model_validate(data)}), tmp_path / "run", notes)
    assert any("1 sentences cannot be spelled" in note and "'c'" in note for note in notes.notes)


def test_what_cannot_be_learnt_from_is_refused(tmp_path: Path) -> None:
    made = recipe(tmp_path)
    (tmp_path / "train.txt").write_bytes(b"ab\n\xff\xfe\n")
    with pytest.raises(LMError, match=r"train\.txt, line 2: not UTF-8"):
        train(made, tmp_path / "run", Silent())
    (tmp_path / "train.txt").write_text("\n")
    with pytest.raises(LMError, match="no sentences"):
        train(made, tmp_path / "run", Silent())
    (tmp_path / "phones.txt").write_text("<blank>\nAA\nB\n")
    data = made.data.model_validate({**made.data.model_dump(), "tokens": tmp_path / "phones.txt"})
    with pytest.raises(TokenError, match="are phones, which spell no text"):
        train(made.model_copy(update={"data": data}), tmp_path / "run", Silent())


def test_a_loss_that_is_no_number_ends_the_training_with_advice(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"no number at step .*Lower training\.learning_rate"):
        train(recipe(tmp_path, training={"learning_rate": 1e30}), tmp_path / "run", Silent())


def test_all_mistakes_of_a_recipe_are_named_at_once() -> None:
    with pytest.raises(RecipeError, match=r"3 mistakes: .*model.hiden: no such key.*training.window.*"):
        check_lm_recipe({"name": "x", "data": {"train": ["a.txt"]}}, ["model.hiden=3", "training.window=0", "training.schedule=sometimes"])

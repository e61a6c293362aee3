"""Beginning with the weights of another training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from torch import nn

from tympan.data import write_manifest
from tympan.errors import CheckpointError, RecipeError
from tympan.models import CTCModel, build
from tympan.tokens import TokenTable
from tympan.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from tympan.training.initial import take_weights
from tympan.training.loop import train
from tympan.training.recipe import Recipe, check_recipe
from tympan.training.run import Silence

ENCODER: dict[str, Any] = {"name": "conformer", "dim": 8, "layers": 2, "heads": 2, "kernel": 3, "expansion": 1, "subsampling": 4}
LETTERS = TokenTable(("<blank>", " ", "a", "b", "c"))


def network(tokens: TokenTable = LETTERS, *, unfold: int = 2, seed: int = 0, **changes: Any) -> CTCModel:
    torch.manual_seed(seed)
    encoder = {**ENCODER, "taps": [1], **changes}
    return build({"encoder": encoder, "head": {"unfold": unfold}, "condition": True}, 5, len(tokens))


def saved(path: Path, model: nn.Module, tokens: TokenTable = LETTERS, average: dict[str, torch.Tensor] | None = None) -> Path:
    facts: dict[str, Any] = {name: {} for name in ("recipe", "model", "features")} | dict.fromkeys(("epoch", "step", "average_steps"), 1)
    facts |= {"tokens": tokens.to_dict(), "hours": 1.0, "dev_hours": 1.0, "version": "0.1.0", "batch": 0, "history": []}
    save_checkpoint(path, Checkpoint(dict(model.state_dict()), average or {}, {}, torch.get_rng_state(), facts))
    return path


def test_with_the_same_tokens_everything_is_taken(tmp_path: Path) -> None:
    theirs, ours = network(seed=1), network(seed=2)
    taken = take_weights(ours, LETTERS, saved(tmp_path / "best.safetensors", theirs))
    assert taken.whole == len(ours.state_dict()) and not taken.partial and not taken.new
    assert all(torch.equal(tensor, theirs.state_dict()[name]) for name, tensor in ours.state_dict().items())


def test_outputs_go_by_token_and_tokens_that_are_new_keep_their_own(tmp_path: Path) -> None:
    other = TokenTable(("<blank>", " ", "c", "d", "a", "b"))
    theirs, ours, fresh = network(seed=1), network(other, seed=2), network(other, seed=2)
    taken = take_weights(ours, other, saved(tmp_path / "best.safetensors", theirs))
    assert sorted(taken.partial) == ["feedback.weight", "head.layers.0.bias", "head.layers.0.weight"] and not taken.new
    weight, old, own = (model.state_dict()["head.layers.0.weight"].view(2, -1, 8) for model in (ours, theirs, fresh))
    feedback, old_feedback = (model.state_dict()["feedback.weight"].view(8, 2, -1) for model in (ours, theirs))
    for token, index in other.index.items():
        expected = own[:, index] if token == "d" else old[:, LETTERS.index[token]]
        assert torch.equal(weight[:, index], expected), token
        if token != "d":
            assert torch.equal(feedback[:, :, index], old_feedback[:, :, LETTERS.index[token]])


def test_a_table_of_the_same_size_in_another_order_is_not_taken_row_by_row(tmp_path: Path) -> None:
    other = TokenTable(("<blank>", " ", "c", "b", "a"))
    theirs, ours = network(seed=1), network(other, seed=2)
    take_weights(ours, other, saved(tmp_path / "best.safetensors", theirs))
    bias, old = (model.state_dict()["head.layers.0.bias"].view(2, -1) for model in (ours, theirs))
    assert torch.equal(bias, old[:, [0, 1, 4, 3, 2]])


def test_outputs_of_another_kind_of_token_are_new(tmp_path: Path) -> None:
    phones = TokenTable(("<blank>", "a", "b", "c", "d"), "phones")
    theirs, ours, fresh = network(seed=1), network(phones, seed=2), network(phones, seed=2)
    taken = take_weights(ours, phones, saved(tmp_path / "best.safetensors", theirs))
    assert taken.new == ["feedback.weight", "head.layers.0.bias", "head.layers.0.weight"] and not taken.partial
    assert torch.equal(ours.state_dict()["head.layers.0.bias"], fresh.state_dict()["head.layers.0.bias"])


def test_a_head_that_unfolds_otherwise_is_new(tmp_path: Path) -> None:
    theirs, ours = network(seed=1), network(unfold=1, seed=2)
    assert "head.layers.0.weight" in take_weights(ours, LETTERS, saved(tmp_path / "best.safetensors", theirs)).new


def test_averaged_weights_are_preferred(tmp_path: Path) -> None:
    theirs, ours = network(seed=1), network(seed=2)
    average = {"tap_norm.weight": theirs.state_dict()["tap_norm.weight"] + 1}
    take_weights(ours, LETTERS, saved(tmp_path / "best.safetensors", theirs, average=average))
    assert torch.equal(ours.state_dict()["tap_norm.weight"], average["tap_norm.weight"])
    assert torch.equal(ours.state_dict()["tap_norm.bias"], theirs.state_dict()["tap_norm.bias"])


def test_checkpoint_of_which_nothing_fits_is_refused_and_nothing_changed(tmp_path: Path) -> None:
    ours = network()
    before = {name: tensor.clone() for name, tensor in ours.state_dict().items()}
    with pytest.raises(CheckpointError, match=r"No weights of .*best\.safetensors fit this network"):
        take_weights(ours, LETTERS, saved(tmp_path / "best.safetensors", nn.ModuleDict({"other": nn.Linear(4, 3)})))
    assert all(torch.equal(tensor, before[name]) for name, tensor in ours.state_dict().items())


def test_missing_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="There is no checkpoint"):
        take_weights(network(), LETTERS, tmp_path / "none.safetensors")


class Killed(BaseException):
    """Ends a training as a kill would: nothing catches it."""


class Display(Silence):
    """Keeps what it is told, and may end the training after an epoch."""

    def __init__(self, last: int = 99) -> None:
        self.notes: list[str] = []
        self.last = last

    def note(self, text: str) -> None:
        self.notes.append(text)

    def validated(self, epoch: int, *_: object) -> None:
        if epoch == self.last:
            raise Killed


@contextmanager
def progress(_: str, __: int) -> Iterator[Callable[[int], None]]:
    yield lambda done: None


@pytest.fixture(scope="module")
def sections(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A recipe on noise, without anything but its data."""
    folder = tmp_path_factory.mktemp("corpus")
    rng = np.random.default_rng(0)
    for name, texts in (("train", ["ab", "ba", "a b", "b"]), ("dev", ["ab"])):
        rows = []
        for number, text in enumerate(texts):
            soundfile.write(folder / f"{name}{number}.wav", 0.1 * rng.standard_normal(9000), 16_000)
            rows.append({"audio_filepath": f"{name}{number}.wav", "duration": 9000 / 16_000, "text": text})
        write_manifest(folder / f"{name}.jsonl", rows)
    (folder / "own.dict").write_text("a EY1\nb B IY1\nab AE1 B\nba B AA1\n")
    encoder = {"name": "conformer", "dim": 8, "layers": 1, "heads": 2, "kernel": 3, "expansion": 1, "subsampling": 4}
    data = {
        "train": [folder / "train.jsonl"],
        "dev": [folder / "dev.jsonl"],
        "cache": folder / "cache",
        "max_batch_seconds": 2.0,
        "workers": 0,
    }
    training = {"max_epochs": 2, "checkpoint_minutes": 1e-9, "threads": 1}
    return {"name": "noise", "data": data, "model": {"encoder": encoder}, "training": training, "folder": folder}


def recipe_of(sections: dict[str, Any], tokens: dict[str, Any], **training: Any) -> Recipe:
    plain = {key: value for key, value in sections.items() if key != "folder"}
    return check_recipe({**plain, "tokens": tokens, "training": {**sections["training"], **training}}, "noise.yaml")


def test_phones_go_on_from_characters_and_a_resume_takes_its_own_weights(sections: dict[str, Any], tmp_path: Path) -> None:
    characters = train(recipe_of(sections, {"kind": "characters"}), tmp_path / "characters", progress, Display())
    phones = {"kind": "phones", "dictionary": sections["folder"] / "own.dict"}
    recipe = recipe_of(sections, phones, initial=characters)
    whole = Display()
    train(recipe, tmp_path / "whole", progress, whole)
    assert any(note.startswith("begins with ") and "new are: head." in note for note in whole.notes)
    assert load_checkpoint(tmp_path / "whole" / "last.safetensors").facts["tokens"]["kind"] == "phones"

    with pytest.raises(Killed):
        train(recipe, tmp_path / "broken", progress, Display(last=1))
    resumed = Display()
    train(recipe, tmp_path / "broken", progress, resumed, resume=True)
    assert not any(note.startswith("begins with ") for note in resumed.notes)
    one, other = (load_checkpoint(tmp_path / run / "last.safetensors").weights for run in ("whole", "broken"))
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


def test_weights_that_do_not_fit_are_refused_before_the_first_step(sections: dict[str, Any], tmp_path: Path) -> None:
    foreign = saved(tmp_path / "foreign.safetensors", nn.ModuleDict({"encoder": nn.Linear(5, 7)}))
    display = Display()
    with pytest.raises(CheckpointError, match="fit this network"):
        train(recipe_of(sections, {"kind": "characters"}, initial=foreign), tmp_path / "run", progress, display)
    assert not (tmp_path / "run" / "last.safetensors").exists()


def test_frozen_parameters_stay_and_the_rest_learns(sections: dict[str, Any], tmp_path: Path) -> None:
    first = train(recipe_of(sections, {"kind": "characters"}), tmp_path / "first", progress, Display())
    display = Display()
    recipe = recipe_of(sections, {"kind": "characters"}, initial=first, freeze=["encoder.subsampling"])
    train(recipe, tmp_path / "second", progress, display)
    before, after = (load_checkpoint(path).model for path in (first, tmp_path / "second" / "last.safetensors"))
    same = {name for name in before if torch.equal(before[name], after[name])}
    assert {name for name in before if name.startswith("encoder.subsampling")} <= same
    assert not any(name.startswith("head.") for name in same)
    assert any(note.startswith("before the first step: WER ") for note in display.notes)


def test_a_name_to_freeze_that_nothing_has_is_refused(sections: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"training\.freeze.*'decoder'"):
        train(recipe_of(sections, {"kind": "characters"}, freeze=["decoder"]), tmp_path / "run", progress, Display())

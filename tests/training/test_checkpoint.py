"""Checkpoints: everything comes back, nothing in a file is ever run, nothing is half written."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from tympan.errors import CheckpointError
from tympan.training.checkpoint import FORMAT, KEY, Checkpoint, load_checkpoint, save_checkpoint

FACTS: dict[str, Any] = {
    "recipe": {"name": "small", "data": {"train": ["ü.jsonl"]}},
    "tokens": {"tokens": ["<blank>", "a"]},
    "model": {"encoder": {"name": "conformer"}},
    "features": {"name": "fbank80"},
    "hours": 1.5,
    "dev_hours": 0,
    "version": "0.1.0",
    "epoch": 3,
    "batch": 17,
    "history": [{"epoch": 1, "wer": 0.5, "cer": 0.25, "loss": 1.0, "blank_share": 0.75}],
    "step": 1234,
    "average_steps": 1234,
}


@pytest.fixture
def checkpoint() -> Checkpoint:
    torch.manual_seed(0)
    weight = torch.randn(3, 4)
    return Checkpoint(
        {"a.weight": weight, "b/c": torch.tensor(3, dtype=torch.int64), "shared": weight, "transposed": weight.t()},
        {"a.weight": torch.randn(3, 4, dtype=torch.bfloat16)},
        {("a.weight", "exp_avg"): torch.randn(3, 4), ("a.weight", "step"): torch.tensor(7.0), ("b/c", "step"): torch.tensor(1.0)},
        torch.get_rng_state(),
        FACTS,
    )


@pytest.fixture
def written(checkpoint: Checkpoint, tmp_path: Path) -> Path:
    save_checkpoint(tmp_path / "last.safetensors", checkpoint)
    return tmp_path / "last.safetensors"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "best.safetensors"


def refusal(path: Path) -> str:
    with pytest.raises(CheckpointError) as error:
        load_checkpoint(path)
    assert path.name in str(error.value)
    return str(error.value)


def rewritten(path: Path, header: bytes) -> Path:
    """The same tensors with another metadata text."""
    tensors = {"random": torch.get_rng_state(), "model/a": torch.zeros(2)}
    save_file(tensors, path, metadata={KEY: header.decode("latin-1")})
    return path


def test_all_parts_come_back(checkpoint: Checkpoint, written: Path) -> None:
    loaded = load_checkpoint(written)
    for part in ("model", "average", "optimizer"):
        before, after = getattr(checkpoint, part), getattr(loaded, part)
        assert before.keys() == after.keys()
        for name in before:
            assert torch.equal(before[name], after[name]) and before[name].dtype == after[name].dtype
    assert torch.equal(loaded.random, checkpoint.random)
    assert loaded.facts == {"format": FORMAT, **FACTS}


def test_empty_parts_come_back_empty(checkpoint: Checkpoint, tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "a", dataclasses.replace(checkpoint, average={}, optimizer={}))
    loaded = load_checkpoint(tmp_path / "a")
    assert loaded.average == {} and loaded.optimizer == {}


def test_weights_to_use_are_the_averaged_ones_where_there_are_any(checkpoint: Checkpoint) -> None:
    assert torch.equal(checkpoint.weights["a.weight"], checkpoint.average["a.weight"])
    assert torch.equal(checkpoint.weights["shared"], checkpoint.model["shared"])


def test_failed_writing_keeps_the_old_checkpoint(checkpoint: Checkpoint, written: Path) -> None:
    before = written.read_bytes()
    with pytest.raises(TypeError):
        save_checkpoint(written, dataclasses.replace(checkpoint, facts={"recipe": object()}))
    assert written.read_bytes() == before
    assert list(written.parent.iterdir()) == [written]


def test_missing_file_is_told_with_the_names_that_a_run_has(tmp_path: Path) -> None:
    message = refusal(tmp_path / "none.safetensors")
    assert "There is no checkpoint" in message and "best.safetensors" in message
    refusal(tmp_path)


class Evil:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (str(self.folder),)


def evil_files(folder: Path) -> dict[str, bytes]:
    """What other tools call a checkpoint, each made to run code."""
    evil = folder / "evil"
    torch_file, old_torch_file = io.BytesIO(), io.BytesIO()
    lightning = {"state_dict": {}, "hyper_parameters": {"_instantiator": "os.mkdir", "path": Evil(evil)}, "hparams_name": "kwargs"}
    torch.save(lightning, torch_file)
    torch.save(Evil(evil), old_torch_file, _use_new_zipfile_serialization=False)
    with zipfile.ZipFile(traversal := io.BytesIO(), "w") as archive:
        archive.writestr("../evil", "evil")
    with zipfile.ZipFile(bomb := io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.pkl", bytes(3_000_000))
    return {
        "lightning.ckpt": torch_file.getvalue(),
        "old.pth": old_torch_file.getvalue(),
        "raw.pkl": b"cos\nmkdir\n(S'" + str(evil).encode() + b"'\ntR.",
        "traversal.zip": traversal.getvalue(),
        "bomb.zip": bomb.getvalue(),
    }


@pytest.mark.parametrize("name", ["lightning.ckpt", "old.pth", "raw.pkl", "traversal.zip", "bomb.zip"])
@pytest.mark.parametrize("suffix", ["", ".safetensors"])
def test_file_that_would_run_code_is_refused_and_nothing_is_run(tmp_path: Path, name: str, suffix: str) -> None:
    path = tmp_path / f"{name}{suffix}"
    path.write_bytes(evil_files(tmp_path)[name])
    message = refusal(path)
    assert "is not a checkpoint of Tympan" in message and "pickle" in message
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("place", ["top", "recipe", "hyper_parameters"])
def test_instantiator_in_the_header_is_refused_or_mere_text(path: Path, place: str, tmp_path: Path) -> None:
    """CVE-2026-58659 of Lightning: a key of that name named a function to call."""
    call = {"_instantiator": "os.mkdir", "path": str(tmp_path / "evil")}
    facts = {**FACTS, **call} if place == "top" else {**FACTS, place: {**FACTS.get(place, {}), **call}}
    rewritten(path, json.dumps({"format": FORMAT, **facts}).encode())
    if place == "recipe":  # compared with the recipe of the run, and exported as text
        assert load_checkpoint(path).facts["recipe"]["_instantiator"] == "os.mkdir"
    else:
        assert ("_instantiator" if place == "top" else place) in refusal(path)
    assert not (tmp_path / "evil").exists()


def test_foreign_safetensors_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "foreign.safetensors"
    for metadata in (None, {"format": "pt"}):
        save_file({"weight": torch.zeros(3)}, path, metadata=metadata)
        assert "is not a checkpoint of Tympan" in refusal(path)


def test_every_truncation_is_refused(written: Path) -> None:
    whole = written.read_bytes()
    for length in (*range(100), *range(100, len(whole), 197), len(whole) - 1):
        written.write_bytes(whole[:length])
        refusal(written)


@pytest.mark.parametrize("length", [2**63, 2**64 - 1, 2**40, 100_000_001])
def test_header_of_gigabytes_is_refused(tmp_path: Path, length: int) -> None:
    path = tmp_path / "claims.safetensors"
    path.write_bytes(struct.pack("<Q", length) + b"{}")
    refusal(path)


@pytest.mark.parametrize(
    "header",
    [b"", b"{", b"[]", b"5", b"null", b'"format"', b"[" * 100_000, b'{"format": ' + b"1" * 5000 + b"}"],
    ids=lambda header: header[:14].decode(),
)
def test_header_that_is_no_header_is_refused(path: Path, header: bytes) -> None:
    refusal(rewritten(path, header))


@pytest.mark.parametrize("number", [FORMAT + 1, 0, "1", None, 1.5])
def test_other_format_says_so(path: Path, number: object) -> None:
    assert "format" in refusal(rewritten(path, json.dumps({**FACTS, "format": number}).encode()))


@pytest.mark.parametrize("field", FACTS)
@pytest.mark.parametrize("value", [None, [[]], -1, True, "absent"])
def test_missing_or_wrong_fact_is_named(path: Path, field: str, value: object) -> None:
    facts = {"format": FORMAT, **FACTS, field: value}
    if value == "absent":
        del facts[field]
    assert f"({field}" in refusal(rewritten(path, json.dumps(facts).encode()))


def test_file_without_the_random_state_is_refused(path: Path) -> None:
    save_file({"model/a": torch.zeros(2)}, path, metadata={KEY: json.dumps({"format": FORMAT, **FACTS})})
    assert "random" in refusal(path)

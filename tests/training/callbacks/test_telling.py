"""What a training tells of itself while it runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from noise_corpus import make_corpus, metrics, sections, train_here
from tympan.training.memory import is_out_of_memory, peak_bytes


@pytest.fixture
def recipe(tmp_path: Path) -> dict[str, Any]:
    return sections(make_corpus(tmp_path / "corpus"), training={"accumulate": 1, "max_epochs": 4, "checkpoint_minutes": 100.0})


def test_reports_tell_speed_waiting_memory_and_blanks(recipe: dict[str, Any], tmp_path: Path) -> None:
    reports = train_here(recipe, tmp_path / "run").reports
    assert [report.step for report in reports] == [10, 20]
    for report in reports:
        assert report.loss > 0 and report.gradient_norm > 0 and report.audio_seconds_per_second > 0
        assert 0 <= report.waiting_share <= 1 and 0 <= report.blank_share <= 1
        assert 10**8 < report.memory_bytes < 10**11
    rows = [row for row in metrics(tmp_path / "run") if "train/loss" in row]
    assert [(row["step"], row["train/loss"]) for row in rows] == [(report.step, report.loss) for report in reports]


def test_state_tells_where_it_stands(recipe: dict[str, Any], tmp_path: Path) -> None:
    train_here(recipe, tmp_path / "run")
    state = json.loads((tmp_path / "run" / "state.json").read_text())
    assert state["state"] == "finished" and state["reason"] == "all 4 epochs are done"
    assert state["step"] == state["steps"] == 24 and state["epoch"] == state["epochs"] == 4
    assert state["seconds"] > 0 and state["wer"] >= 0 and 1 <= state["best_epoch"] <= 4


def test_time_is_counted_over_all_parts_of_a_training(recipe: dict[str, Any], tmp_path: Path) -> None:
    train_here(recipe, tmp_path / "run")
    path = tmp_path / "run" / "state.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "seconds": 5000.0}))
    train_here({**recipe, "training": {**recipe["training"], "max_epochs": 5}}, tmp_path / "run")
    assert 5000 < json.loads(path.read_text())["seconds"] < 5100


def test_all_blank_is_explained(recipe: dict[str, Any], tmp_path: Path) -> None:
    told = train_here(recipe, tmp_path / "run").notes
    assert any(note.startswith("All frames are blank") for note in told) or told == []
    rows = [row for row in metrics(tmp_path / "run") if "dev/wer" in row]
    explained = sum(note.startswith("All frames are blank") for note in told)
    assert explained == sum(row["dev/blank_share"] > 0.999 for row in rows)


@pytest.mark.parametrize(
    ("error", "is_memory"),
    [
        (MemoryError(), True),
        (
            RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried."),
            True,
        ),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("could not create a primitive"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_want_of_memory_is_told_from_other_errors(error: Exception, is_memory: bool) -> None:
    assert is_out_of_memory(error) is is_memory


def test_peak_of_memory_grows_with_what_is_used() -> None:
    import torch

    before = peak_bytes(torch.device("cpu"))
    kept = torch.ones(before // 4 + (1 << 24))
    assert peak_bytes(torch.device("cpu")) > before > 10**7
    del kept

"""Runs as a table, as JSON, as a picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from noise_corpus import make_corpus, sections, train_here
from tympan.cli.main import app
from tympan.locks import FileLock
from tympan.training.run_folder import LOCK


class Killed(BaseException):
    """Ends a training as a kill would: nothing catches it."""


def kill() -> None:
    raise Killed


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, one that was broken off, and things that are no runs."""
    folder = tmp_path_factory.mktemp("runs")
    recipe = sections(make_corpus(folder / "not-a-run"), training={"accumulate": 1})
    train_here(recipe, folder / "whole")
    with pytest.raises(Killed):
        train_here(recipe, folder / "broken", {1: kill})
    (folder / "notes.txt").write_text("no run either")
    return folder


def call(*arguments: str | Path) -> str:
    result = CliRunner().invoke(app, [*map(str, arguments)])
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


def test_runs_are_listed_with_their_rates_and_states(runs: Path) -> None:
    rows: list[dict[str, Any]] = json.loads(call("runs", runs, "--json"))
    assert [row["name"] for row in rows] == ["broken", "whole"]
    broken, whole = rows
    history = [json.loads(line) for line in (runs / "whole" / "metrics.jsonl").read_text().splitlines() if "dev/wer" in line]
    assert whole["state"] == "finished" and (whole["epoch"], whole["epochs"]) == (3, 3)
    assert whole["step"] == whole["steps"] == history[-1]["step"]
    assert whole["wer"] == min(row["dev/wer"] for row in history) and whole["last_wer"] == history[-1]["dev/wer"]
    assert 0 <= whole["hours"] < 0.1 and whole["updated"].startswith("20")
    assert broken["state"] == "stopped" and broken["epoch"] < 3 and broken["reason"] == "Killed"


def test_table_says_the_same_to_people(runs: Path) -> None:
    text = call("runs", runs)
    assert "whole" in text and "finished" in text and "3/3" in text and "%" in text and " ago" in text
    assert "Killed" in text


def test_one_run_can_be_asked_for(runs: Path) -> None:
    assert [row["name"] for row in json.loads(call("runs", runs / "whole", "--json"))] == ["whole"]


def test_running_and_killed_are_told_apart_by_the_lock(runs: Path) -> None:
    lock = FileLock(runs / "broken" / LOCK)
    assert lock.acquire("process 1 on here")
    state = json.loads((runs / "broken" / "state.json").read_text())
    (runs / "broken" / "state.json").write_text(json.dumps({**state, "state": "running"}))
    assert json.loads(call("runs", runs / "broken", "--json"))[0]["state"] == "running"
    lock.release()
    (runs / "broken" / LOCK).write_text("process 1 on here")  # as a killed process leaves it
    (row,) = json.loads(call("runs", runs / "broken", "--json"))
    assert row["state"] == "killed" and "process 1 on here" in row["reason"]


def test_folder_without_runs_and_no_folder_at_all(tmp_path: Path) -> None:
    assert "holds no runs" in call("runs", tmp_path)
    result = CliRunner().invoke(app, ["runs", str(tmp_path / "none")])
    assert result.exit_code == 1 and "There is no folder" in str(result.exception)


@pytest.mark.parametrize("utterances", [0, 2])
def test_plot_draws_curves_and_utterances(runs: Path, tmp_path: Path, utterances: int) -> None:
    pytest.importorskip("matplotlib")
    from matplotlib.image import imread

    output = tmp_path / "run.png"
    assert str(output) in call("plot", runs / "whole", "-o", output, "-n", str(utterances))
    picture = imread(output)
    height = 110 * (3.2 + 4.4 * utterances)
    assert picture.shape[0] == pytest.approx(height, abs=2) and picture.shape[1] == pytest.approx(110 * 13, abs=2)
    assert len(np.unique(picture.reshape(-1, picture.shape[2]), axis=0)) > 50


def test_picture_says_what_was_said_and_heard_and_which_tokens(runs: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    call("plot", runs / "whole", "-o", tmp_path / "run.svg", "-n", "1")
    text = (tmp_path / "run.svg").read_text()
    for part in ("said", "heard", "blank frames", "learning rate", "12.wav"):
        assert f"<!-- {part}" in text or part in text, part


@pytest.mark.parametrize(("name", "part"), [("none", "is no run"), ("notes.txt", "is no run")])
def test_what_is_no_run_cannot_be_plotted(runs: Path, tmp_path: Path, name: str, part: str) -> None:
    pytest.importorskip("matplotlib")
    result = CliRunner().invoke(app, ["plot", str(runs / name), "-o", str(tmp_path / "a.png")])
    assert part in str(result.exception)


def test_ending_is_checked_first(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    result = CliRunner().invoke(app, ["plot", str(tmp_path), "-o", str(tmp_path / "a.bmp")])
    assert "none of the endings" in str(result.exception)

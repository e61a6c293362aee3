"""`tympan transcribe --cluster` as a user runs it, against the same without."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from strategies import Run

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = sorted((ROOT / "samples").glob("*.opus"))


@pytest.fixture(autouse=True)
def no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray would else leave a key of its own in the user's home."""
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")


def test_a_cluster_of_this_machine_writes_what_one_process_writes(tympan: Run, tmp_path: Path) -> None:
    """One of the recordings is damaged, and fails alone."""
    talks = tmp_path / "talks"
    talks.mkdir()
    for sample in SAMPLES:
        (talks / sample.name).write_bytes(sample.read_bytes())
    (talks / "damaged.opus").write_bytes(SAMPLES[0].read_bytes()[:100])
    options = ("--format", "json", "--hot-word", "chicken:3")
    here = tympan("transcribe", *sorted(talks.iterdir()), *options, "--threads", "1", "-o", tmp_path / "here")
    there = tympan("transcribe", talks, *options, "--cluster", "local", "-o", tmp_path / "there")
    assert here.returncode == there.returncode == 2, there.stderr
    written = {path.name: path.read_text() for path in (tmp_path / "here").iterdir()}
    assert {path.name: path.read_text() for path in (tmp_path / "there").glob("[!.]*")} == written
    assert len(written) == len(SAMPLES)
    told = {
        line for line in here.stderr.splitlines() if "could not be transcribed" not in line
    }  # which the cluster counts in a line of its own
    assert told <= set(there.stderr.splitlines())  # the damaged recording and the hot words
    assert there.stdout == "" and f"{len(SAMPLES)} transcribed to {tmp_path / 'there'}; 1 failed" in there.stderr
    settings = [path.name for path in (tmp_path / "there").glob(".*")]
    assert settings == [".tympan-json.json"], "temporary files were left"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--cluster", "local"), "need a place that every machine of the cluster sees. Give --output"),
        (("--cluster", "nowhere", "-o", "out"), "no address of a cluster"),
    ],
)
def test_mistakes_of_use_are_sentences(tympan: Run, tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    result = tympan("transcribe", SAMPLES[0], *arguments, cwd=tmp_path)
    assert result.returncode == 2 and message in result.stderr
    assert "Traceback" not in result.stderr and os.listdir(tmp_path) == []

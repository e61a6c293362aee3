"""`tympan info` without a model: what a report of a fault needs."""

from __future__ import annotations

import getpass
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import tympan
from tympan.cli.environment import TEST_S, buzz
from tympan.cli.main import app
from tympan.extras import MODULES

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["info", *arguments])
    return done.exit_code, done.output


def test_it_tells_versions_machine_extras_models_and_that_it_works() -> None:
    code, output = run("--json")
    facts = json.loads(output)
    assert code == 0 and facts["tympan"] == tympan.__version__ and "english" in facts["models"]
    assert facts["packages"]["numpy"] == np.__version__ and "CPUExecutionProvider" in facts["providers"]
    assert facts["cores"]["usable"] >= 1 and set(facts["extras"]) == {*MODULES, "media"}
    tested = facts["self_test"]
    assert tested["error"] is None and tested["audio_s"] == TEST_S and tested["load_s"] > 0 and tested["transcribe_s"] > 0


def test_people_read_the_same_in_lines() -> None:
    code, output = run()
    assert code == 0 and [line.split()[0] for line in output.splitlines()] == [
        "tympan", "python", "system", "processor", "packages", "libsndfile", "providers", "extras", "models", "self-test",
    ]  # fmt: skip
    assert "self-test    ok: english" in output


def test_it_names_no_person_and_no_path() -> None:
    _, output = run("--json")
    assert str(Path.home()) not in output and str(ROOT) not in output and f'"{getpass.getuser()}"' not in output


@pytest.mark.parametrize("fault", ["no probabilities", "damaged"])
def test_a_self_test_that_fails_says_why_and_ends_with_1(fault: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if fault == "damaged":
        monkeypatch.setattr("tympan.recognizer.MODELS", tmp_path)
        (tmp_path / "english.tympan").write_bytes(b"PK")
    else:
        monkeypatch.setattr(
            "tympan.recognizer.Recognizer.log_probs", lambda self, samples: np.zeros((3, len(self.bundle.tokens)), np.float32)
        )
    code, output = run()
    assert code == 1 and "FAILED" in output and ("not a bundle" if fault == "damaged" else "no probabilities") in output


def test_without_a_model_inside_there_is_no_self_test(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tympan.recognizer.MODELS", tmp_path)
    code, output = run()
    assert code == 0 and "left out" in output


def test_the_made_voice_is_sound_within_range() -> None:
    samples = buzz(16_000)
    assert samples.shape == (48_000,) and samples.dtype == np.float32 and 0.05 < np.abs(samples).max() < 1

"""A corpus of two words and one training on it, shared by the end-to-end tests."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import synthesize_yesno
from strategies import Run
from zygote import Zygote

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def tympan() -> Run:
    """Runs the command line as a user would, in a process of its own, one thread for everything."""

    def run(*arguments: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "tympan", *map(str, arguments)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200", "PYTHONWARNINGS": "ignore"}
        return subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=environment, check=False)

    return run


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The yesno corpus: train.jsonl, dev.jsonl, test.jsonl with their recordings."""
    folder = tmp_path_factory.mktemp("yesno")
    synthesize_yesno.make_corpus(folder)
    return folder


@pytest.fixture(scope="session")
def overrides(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Options that point recipes/yesno.yaml at the corpus."""
    pairs = {
        "data.train": f"[{corpus}/train.jsonl]",
        "data.dev": f"[{corpus}/dev.jsonl]",
        "data.cache": tmp_path_factory.mktemp("cache"),
        "training.threads": 1,
    }
    return [argument for key, value in pairs.items() for argument in ("--set", f"{key}={value}")]


@pytest.fixture(scope="session")
def trained(tympan: Run, overrides: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a whole training by recipes/yesno.yaml."""
    folder = tmp_path_factory.mktemp("run") / "yesno"
    result = tympan("train", "recipes/yesno.yaml", *overrides, "--run", folder)
    assert result.returncode == 0, result.stderr
    return folder


@pytest.fixture(scope="session")
def zygote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zygote]:
    """Starts trainings in processes of their own, at once."""
    made = Zygote(tmp_path_factory.mktemp("zygote"))
    yield made
    made.close()

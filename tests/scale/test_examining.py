"""The doctor finds on a cluster what it finds on one machine, word for word and in the same order."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import plant_faults
from tympan import scale
from tympan.cli.main import app
from tympan.data import doctor
from tympan.recognizer import load

Planted = tuple[Path, Path, Path]


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    """The two manifests of a corpus with a fault for each check, and its tokens."""
    folder = tmp_path_factory.mktemp("planted")
    plant_faults.make(folder)
    return folder / "faulty" / "train.jsonl", folder / "faulty" / "test.jsonl", folder / "tokens.txt"


def run(*arguments: str | Path) -> tuple[int, dict[str, Any]]:
    result = CliRunner().invoke(app, ["data", "doctor", *map(str, arguments), "--json"])
    return result.exit_code, json.loads(result.stdout)


def test_the_report_over_a_cluster_is_that_of_one_machine(cluster: Any, planted: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    train, test, tokens = planted
    monkeypatch.chdir(train.parent)  # relative paths, which workers must find as well
    arguments = (train.name, test.name, "--tokens", tokens)
    here = run(*arguments)
    assert run(*arguments, "--cluster", cluster.address) == here
    assert here[0] == 1 and len(here[1]["findings"]) > 20


def test_a_model_hears_the_same_on_a_cluster(cluster: Any, tones: Path, tmp_path: Path) -> None:
    texts = {"say-00": "a a abba", "say-01": "b a abba", "say-02": "d d d", "damaged": "a", "missing": "b"}
    lines = [{"audio_filepath": f"{tones}/{name}.wav", "duration": 1.0, "text": text, "id": name} for name, text in texts.items()]
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    corpus = doctor.read([tmp_path / "train.jsonl"])
    recognizer = load(tones / "tones.tympan", threads=1)
    doctor.use_model(corpus, recognizer)
    with scale.connected(cluster.address):
        heard = scale.listen(corpus, scale.pack(tones / "tones.tympan"))
    assert heard == doctor.listen(corpus, recognizer)
    assert [found is not None for found in heard] == [True, True, True, False, False]

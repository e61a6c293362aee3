"""`tympan data shard`: what is trained, checked and evaluated is the same from files and from shards."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from strategies import Run
from tympan.training.prepare import prepare
from tympan.training.recipe import load_recipe

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module", params=["wds", "shar"])
def shards(request: pytest.FixtureRequest, tympan: Run, corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shards of the corpus's dev set, in one command."""
    folder = tmp_path_factory.mktemp(request.param) / "dev"
    result = tympan("data", "shard", corpus / "dev.jsonl", "-o", folder, "--format", request.param, "--shard-size", "500kB")
    assert result.returncode == 0, result.stderr
    assert f"wrote  {folder}/manifest.jsonl: 40 utterances" in result.stdout
    return folder


def test_evaluation_hears_the_same(tympan: Run, tmp_path: Path) -> None:
    report = json.loads(tympan("data", "shard", ROOT / "samples" / "manifest.jsonl", "-o", tmp_path / "shards", "--json").stdout)
    assert report["archives"] == ["shard-000000.tar"] and report["utterances"] == 4
    results = []
    for manifest in (ROOT / "samples" / "manifest.jsonl", report["manifest"]):
        result = tympan("evaluate", manifest, "--output", tmp_path / "result.json")
        assert result.returncode == 0, result.stderr
        results.append(json.loads((tmp_path / "result.json").read_text())["results"])
    assert results[0] == results[1] and len(results[0]) == 4


def test_doctor_finds_the_same(tympan: Run, corpus: Path, shards: Path) -> None:
    reports = []
    for manifest in (corpus / "dev.jsonl", shards / "manifest.jsonl"):
        report = json.loads(tympan("data", "doctor", manifest, "--json").stdout)
        reports.append((report["utterances"], report["hours"], [(found["code"], found["count"]) for found in report["findings"]]))
    assert reports[0] == reports[1]


@pytest.mark.parametrize("kind", ["waveform", "none"])
def test_training_has_the_same_batches(corpus: Path, shards: Path, tmp_path: Path, kind: str) -> None:
    @contextmanager
    def progress(_: str, __: int) -> Iterator[Callable[[int], None]]:
        yield lambda done: None

    batches = []
    for manifest in (corpus / "dev.jsonl", shards / "manifest.jsonl"):
        options = {"data.train": f"[{manifest}]", "data.dev": f"[{manifest}]", "data.cache": tmp_path, "data.cache_kind": kind}
        recipe = load_recipe(ROOT / "recipes" / "yesno.yaml", [f"{key}={value}" for key, value in options.items()])
        batches.append(list(prepare(recipe, progress).train))
    for one, other in zip(*batches, strict=True):
        assert one.ids == other.ids and torch.equal(one.features, other.features) and torch.equal(one.tokens, other.tokens)


def test_mistakes_are_sentences(tympan: Run, corpus: Path, tmp_path: Path) -> None:
    for arguments, told in (
        (("gone.jsonl", "-o", tmp_path / "a"), "There is no manifest gone.jsonl"),
        ((corpus / "dev.jsonl", "-o", tmp_path / "a", "--shard-size", "many"), "'many' is no size of a shard"),
        ((corpus / "dev.jsonl", "-o", tmp_path / "a", "--format", "zip"), "layout 'zip'"),
        ((corpus / "dev.jsonl", "-o", corpus), "is there already, and not empty"),
    ):
        result = tympan("data", "shard", *arguments)
        assert result.returncode == 2 and told in result.stderr and "Traceback" not in result.stderr

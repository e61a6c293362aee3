"""`tympan data prepare` and `tympan data doctor`: one command each for any form, with a split."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from miniature_corpora import FOLDERS
from strategies import Run
from tympan.data import read_manifest

LAYOUTS = ("nemo", "csv", "common-voice", "kaldi", "librispeech", "ljspeech", "pairs", "lhotse", "hugging-face")


@pytest.mark.parametrize("name", LAYOUTS)
def test_one_command_prepares_and_splits_and_one_examines(tympan: Run, tmp_path: Path, name: str) -> None:
    FOLDERS[name](tmp_path / "in")
    result = tympan("data", "prepare", tmp_path / "in", "-o", tmp_path / "my.jsonl", "--split", "0.6,0.2,0.2", "--seed", "5", "--json")
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["layout"] == name
    assert sum(part["utterances"] for part in report["parts"]) == 12
    parts = {part["part"]: read_manifest(part["manifest"]) for part in report["parts"]}
    assert {part["part"]: part["utterances"] for part in report["parts"]} == {part: len(found) for part, found in parts.items()}
    assert list(parts) == ["train", "dev", "test"]
    if report["split_by"] == "speaker":
        speakers = [{utterance.speaker for utterance in found} for found in parts.values()]
        assert sum(map(len, speakers)) == len(set.union(*speakers)) == 6

    result = tympan("data", "doctor", *(part["manifest"] for part in report["parts"]), "--json")
    examined = json.loads(result.stdout)
    assert result.returncode == 0, examined["findings"]
    assert examined["utterances"] == 12 and examined["findings"] == []
    parts["test"][0].audio.write_bytes(parts["train"][0].audio.read_bytes())
    result = tympan("data", "doctor", *(part["manifest"] for part in report["parts"]), "--json")
    assert result.returncode == 1 and "D303" in {finding["code"] for finding in json.loads(result.stdout)["findings"]}


def test_report_says_what_was_recognised_and_why(tympan: Run, tmp_path: Path) -> None:
    FOLDERS["librispeech"](tmp_path / "in")
    result = tympan("data", "prepare", tmp_path / "in", "-o", tmp_path / "my.jsonl")
    assert "recognised  librispeech: LibriSpeech/dev-clean/1001/7/1001-7.trans.txt lies as in LibriSpeech" in result.stdout
    assert "12 utterances, 0.00 h, 6 speakers" in result.stdout and "left out    0" in result.stdout


def test_a_mistake_is_a_sentence(tympan: Run, tmp_path: Path) -> None:
    result = tympan("data", "prepare", tmp_path, "-o", tmp_path / "my.jsonl")
    assert result.returncode == 2 and "no form that is known" in result.stderr and "Traceback" not in result.stderr

from __future__ import annotations

import json
from pathlib import Path

import pytest

from strategies import Run
from tympan.tokens import TokenTable


def test_pieces_are_learned_from_a_text_or_a_manifest_alike(tympan: Run, tmp_path: Path) -> None:
    pytest.importorskip("sentencepiece")
    lines = ["the cat sat on the mat", "the hat sat on the cat", "a rat that sat", "that cat ate"]
    (tmp_path / "text.txt").write_text("\r\n".join(lines) + "\r\n", encoding="utf-8")
    rows = [{"audio_filepath": f"{number}.wav", "duration": 1.0, "text": line} for number, line in enumerate(lines)]
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    for source in ("text.txt", "train.jsonl"):
        result = tympan("tokens", "train", tmp_path / source, "--size", "16", "-o", tmp_path / f"{source}.json")
        assert result.returncode == 0, result.stderr
        assert "16 tokens by unigram" in result.stdout
    assert (tmp_path / "text.txt.json").read_bytes() == (tmp_path / "train.jsonl.json").read_bytes()
    table = TokenTable.read(tmp_path / "text.txt.json")
    assert table.method == "unigram"
    assert table.decode(table.encode("the rat sat")) == "the rat sat"
    result = tympan("tokens", "train", tmp_path / "text.txt", "--size", "900", "-o", tmp_path / "no.json")
    assert result.returncode == 2
    assert "too small for 900 word pieces" in result.stderr
    assert not (tmp_path / "no.json").exists()


def test_a_wrong_method_and_a_missing_text_are_sentences(tympan: Run, tmp_path: Path) -> None:
    assert "unigram or bpe" in tympan("tokens", "train", "a.txt", "--method", "words", cwd=tmp_path).stderr
    assert "There is no text" in tympan("tokens", "train", "a.txt", cwd=tmp_path).stderr

"""A language model from a text, shown, used for rescoring and tuned, by the command line."""

from __future__ import annotations

import json
import wave
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from strategies import Run
from toy_models import RATE, Samples, make_bundle, make_scorer, speak
from tympan.cli.main import app
from tympan.errors import TympanError
from tympan.lm import NeuralLM

TRAIN = ("--set", "training.threads=1", "--set", "training.max_epochs=3", "--set", "model.hidden=24", "--set", "training.batch_tokens=200")


def save(path: Path, samples: Samples) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((samples * 32767).astype("<i2").tobytes())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, tympan: Run) -> Path:
    """A model that doubts between a and b, its scorer, recordings, and a language model that has read only b."""
    folder = tmp_path_factory.mktemp("neural")
    bundle = make_bundle(folder / "tones.tympan", (" ", "a", "b"))
    make_scorer(folder / "tones.scorer", bundle.tokens, {"aa": [], "ba": []})
    save(folder / "0.wav", speak(bundle.tokens, "aa", {"a": ("b", 0.3)}))
    row = {"audio_filepath": "0.wav", "duration": 0.5, "text": "aa", "speaker": "s"}
    (folder / "test.jsonl").write_text(json.dumps(row) + "\n")
    (folder / "text.txt").write_text("BA BA\nba\nba ba ba\n" * 100)
    result = tympan("lm", "train", "text.txt", "-o", "b.nlm", *TRAIN, cwd=folder)
    assert result.returncode == 0, result.stderr
    assert "a token" in result.stdout and "largest difference from torch" in result.stdout
    assert "the last 6 sentences are held out" in result.stderr
    return folder


def test_a_text_becomes_a_model_that_info_shows(folder: Path, tympan: Run) -> None:
    facts = json.loads(tympan("lm", "info", "b.nlm", "--json", cwd=folder).stdout)
    assert facts["format"] == "neural language model of Tympan" and facts["hashes"] == "match"
    assert 1 < facts["perplexity"] < 6 and facts["word_perplexity"] > facts["perplexity"]
    assert NeuralLM.open(folder / "b.nlm").score_text("ba") > -10
    assert (folder / "runs" / "b" / "run.json").is_file()


def test_rescoring_is_told_and_its_parts_add_up(folder: Path, tympan: Run) -> None:
    options = (
        "transcribe",
        "0.wav",
        "-m",
        "tones.tympan",
        "--rescore",
        "b.nlm",
        "--rescore-weight",
        "0.5",
        "--rescore-token-score",
        "0.25",
    )
    found = json.loads(tympan(*options, "--explain", "--format", "json", cwd=folder).stdout)
    parts = found["pieces"][0]["hypotheses"][0]
    names = ("acoustic", "lm", "words", "hot_words", "neural")
    assert parts["total"] == pytest.approx(sum(parts[name] for name in names), abs=1e-4)
    neural = 0.5 * NeuralLM.open(folder / "b.nlm").score_text(parts["text"]) + 0.25 * 2
    assert parts["neural"] == pytest.approx(neural, abs=1e-4)
    result = tympan("evaluate", "test.jsonl", "-m", "tones.tympan", "--rescore", "b.nlm", "--rescore-nbest", "7", cwd=folder)
    assert "7 best rescored by b.nlm, rescore_weight 0.3" in result.stdout, result.stderr


def test_tuning_writes_the_weights_into_the_model(folder: Path, tympan: Run) -> None:
    (folder / "tuned.nlm").write_bytes((folder / "b.nlm").read_bytes())
    command = ("lm", "tune", "test.jsonl", "--scorer", "tones.scorer", "-m", "tones.tympan", "--threads", "1", "--rescore", "tuned.nlm")
    result = tympan(*command, cwd=folder)
    assert result.returncode == 0, result.stderr
    assert "best           WER 0.00% with rescore_weight" in result.stdout
    facts = json.loads(tympan("lm", "info", "tuned.nlm", "--json", cwd=folder).stdout)
    assert facts["facts"]["tuning"]["wer"] == 0.0
    assert np.isfinite(facts["rescore_weight"])


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("transcribe", "0.wav", "--rescore-weight", "1"), "--rescore-weight has no effect without --rescore"),
        (("transcribe", "0.wav", "--fuse-weight", "1"), "--fuse-weight has no effect without --fuse"),
        (("transcribe", "0.wav", "-m", "tones.tympan", "--fuse", "b.nlm"), "Train it with --model BUNDLE"),
        (("transcribe", "0.wav", "-m", "tones.tympan", "--fuse", "b.nlm", "--rescore", "b.nlm"), "fused or rescore, and both"),
        (("transcribe", "0.wav", "--rescore", "none.nlm"), "There is no neural language model none.nlm"),
        (("transcribe", "0.wav", "--rescore", "tones.scorer"), "zip archive without neural.json"),
        (("lm", "train", "text.txt", "-o", "b.bin"), "Give it the ending .nlm"),
        (("lm", "train", "text.txt", "-o", "c.nlm", "--set", "model.size=3"), "model.size: no such key"),
        (("lm", "convert", "b.nlm", "-o", "x.scorer", "-m", "tones.tympan"), "is a neural language model"),
    ],
)
def test_mistakes_are_sentences(folder: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], said: str) -> None:
    monkeypatch.chdir(folder)
    model = ("-m", "tones.tympan") if command[0] == "transcribe" else ()
    error = CliRunner().invoke(app, [*command, *model]).exception
    assert isinstance(error, TympanError) and said in str(error)

"""The GMM-HMM system on real speech, and with a language and a dictionary of a few words."""

from __future__ import annotations

import importlib.util
import json
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from tympan import audio, evaluation
from tympan.cli.main import app
from tympan.data.manifest import read_manifest
from tympan.errors import MissingExtraError, TympanError
from tympan.systems import PocketSphinx, SystemFiles, open_system

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
needs_library = pytest.mark.skipif(importlib.util.find_spec("pocketsphinx") is None, reason="the extra 'classic' is not installed")

ARPA = """\\data\\
ngram 1=4

\\1-grams:
-0.5 yes
-0.5 no
-99 <s>
-0.5 </s>

\\end\\
"""


@pytest.fixture(scope="module")
def shortest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A manifest with the shortest of the samples."""
    rows = [json.loads(line) for line in (SAMPLES / "manifest.jsonl").read_text(encoding="utf-8").splitlines()]
    row = min(rows, key=lambda row: row["duration"])
    path = tmp_path_factory.mktemp("manifest") / "one.jsonl"
    path.write_text(json.dumps({**row, "audio_filepath": str(SAMPLES / row["audio_filepath"])}) + "\n", encoding="utf-8")
    return path


@needs_library
def test_it_is_scored_as_our_own_system_is(shortest: Path) -> None:
    result = evaluation.evaluate(PocketSphinx(), read_manifest(shortest))
    assert result.score.wer < 0.6, result.results
    assert result.settings["decoder"] == "pocketsphinx"
    assert "cmudict-en-us.dict" in result.search


@needs_library
def test_words_have_times_within_the_recording_and_no_marks_of_variants_or_fillers(shortest: Path) -> None:
    samples = audio.read(read_manifest(shortest)[0].audio, 16_000)[:32_000]  # two seconds
    system = PocketSphinx()
    transcript = system.transcribe(samples, 16_000)
    words = transcript.segments[0].words
    assert all(re.fullmatch(r"[a-z'.]+", word.text) for word in words)
    assert all(before.end <= after.start + 1e-9 for before, after in pairwise(words))
    assert words[-1].end <= transcript.duration
    assert len(words) > 2
    assert system.transcribe(samples, 16_000) == transcript, "a transcript depends on what was heard before"


@needs_library
def test_it_writes_only_the_words_of_a_dictionary_and_language_model_of_one_s_own(shortest: Path, tmp_path: Path) -> None:
    (tmp_path / "few.arpa").write_text(ARPA)
    (tmp_path / "few.dict").write_text("yes Y EH S\nno N OW\n")
    system = open_system("pocketsphinx", SystemFiles(lm=tmp_path / "few.arpa", dictionary=tmp_path / "few.dict"))
    transcript = system.transcribe(read_manifest(shortest)[0].audio)
    assert set(transcript.text.split()) <= {"yes", "no"}
    assert "few.arpa" in system.describe_search()


@needs_library
def test_no_sound_is_no_text() -> None:
    system = PocketSphinx()
    assert system.words(b"", 0.0) == ()
    assert system.transcribe(np.zeros(160, np.float32), 16_000).text == ""


@needs_library
def test_a_broken_dictionary_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "wrong.dict").write_bytes(b"\x00\xff" * 100)
    (tmp_path / "few.arpa").write_text("this is no language model\n")
    with pytest.raises(TympanError, match=r"pocketsphinx refuses .*few\.arpa"):
        PocketSphinx(SystemFiles(lm=tmp_path / "few.arpa", dictionary=tmp_path / "wrong.dict"))


def test_files_that_are_not_there_or_packed_are_refused_before_the_library_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(TympanError, match=r"There is no file .*none\.arpa for --lm"):
        PocketSphinx(SystemFiles(lm=tmp_path / "none.arpa"))
    with pytest.raises(TympanError, match=r"x\.arpa\.gz is packed"):
        PocketSphinx(SystemFiles(lm=tmp_path / "x.arpa.gz"))
    with pytest.raises(TympanError, match=r"There is no folder .* for --acoustic"):
        PocketSphinx(SystemFiles(acoustic=tmp_path / "none"))


def test_a_missing_library_is_told_with_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tympan.extras.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pocketsphinx.*pip install 'tympan\[classic\]'"):
        PocketSphinx()


def test_an_unknown_system_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(TympanError, match=r"no system 'sphinx4'\. There are: tympan, pocketsphinx"):
        open_system("sphinx4")


def test_options_of_one_system_are_refused_for_the_other(shortest: Path, tmp_path: Path) -> None:
    runner = CliRunner()
    for given, said in (
        (["--system", "pocketsphinx", "--beam-size", "10"], "--beam-size is for Tympan's own models"),
        (["--lm", "x.arpa"], "--lm is for another --system"),
    ):
        error = runner.invoke(app, ["evaluate", str(shortest), *given]).exception
        assert isinstance(error, TympanError) and said in error.message

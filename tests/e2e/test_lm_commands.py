"""`tympan lm`: from a text, or from what people have, to a scorer that a search can use."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from strategies import Run, spikes
from toy_models import make_bundle
from tympan.lexicon import PHONES
from tympan.recognizer import MODELS

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "lm" / "data"
LETTERS = ["<blank>", " ", *"abcdefghijklmnopqrstuvwxyz'"]
FOUR_LINES = "the cat sat\nthe cat ran\na dog sat\nthe dog ran off\n"
# No effect where the tokens are characters.
DICTIONARY = "the DH AH0\ncat K AE1 T\nsat S AE1 T\nran R AE1 N\na AH0\ndog D AO1 G\noff AO1 F\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A text, a token table and a dictionary."""
    (tmp_path / "four.txt").write_text(FOUR_LINES, encoding="utf-8")
    (tmp_path / "tokens.txt").write_text("\n".join(LETTERS) + "\n", encoding="utf-8")
    (tmp_path / "cmu.dict").write_text(DICTIONARY, encoding="utf-8")
    (tmp_path / "phones.txt").write_text("\n".join(["<blank>", *PHONES]), encoding="utf-8")
    return tmp_path


def unpacked(name: str, folder: Path) -> Path:
    (folder / name).write_bytes(gzip.decompress((DATA / f"{name}.gz").read_bytes()))
    return folder / name


def test_a_text_becomes_a_scorer_that_gets_a_name_and_decodes(tympan: Run, folder: Path) -> None:
    from tympan.decoding import BeamDecoder
    from tympan.lm import Scorer

    scorer = folder / "my.scorer"
    built = tympan("lm", "build", folder / "four.txt", "-o", scorer, "--tokens", folder / "tokens.txt", "--arpa", folder / "my.arpa")
    assert built.returncode == 0, built.stderr
    assert "4 sentences, 13 words" in built.stdout and "discounts" in built.stdout and "order 3: 10 words" in built.stdout
    (folder / "names.txt").write_bytes("\ufeffZork\r\nCAT\r\n".encode())
    added = tympan("lm", "add-words", scorer, folder / "names.txt")
    assert added.returncode == 0, added.stderr
    assert "1 new" in added.stdout and "new        zork" in added.stdout and "known      cat" in added.stdout
    told = json.loads(tympan("lm", "info", scorer, "--json").stdout)
    assert told["words"] == 8 and told["hashes"] == "match" and told["facts"]["sources"] == ["four.txt"]
    opened = Scorer.open(scorer)
    log_probs = spikes(opened.tokens.encode("the zork ran off"), len(LETTERS))
    assert BeamDecoder(LETTERS, opened).decode(log_probs)[0].text == "the zork ran off"
    assert tympan("lm", "info", folder / "my.arpa").returncode == 0


def test_several_texts_packed_and_from_standard_input_become_one_scorer(folder: Path) -> None:
    (folder / "more.txt.gz").write_bytes(gzip.compress(b"the bird flew\n"))
    arguments = ["lm", "build", "more.txt.gz", "-", "-o", "my.scorer", "--tokens", "tokens.txt", "--order", "2"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-m", "tympan", *arguments]
    result = subprocess.run(command, cwd=folder, input=FOUR_LINES, capture_output=True, text=True, env=environment, check=False)
    assert result.returncode == 0, result.stderr
    assert "5 sentences, 16 words" in result.stdout


def test_for_phones_a_dictionary_spells_the_words(tympan: Run, folder: Path) -> None:
    arguments = ["lm", "build", folder / "four.txt", "-o", folder / "my.scorer", "--tokens", folder / "phones.txt"]
    refused = tympan(*arguments)
    assert refused.returncode == 2 and "--dictionary" in refused.stderr and not (folder / "my.scorer").exists()
    (folder / "more.dict").write_text("the DH AO0\n", encoding="utf-8")
    built = tympan(*arguments, "-d", folder / "cmu.dict", "-d", folder / "more.dict")
    assert built.returncode == 0, built.stderr
    assert "7 words, 8 spellings" in built.stdout


@pytest.mark.parametrize("name", ["ref-o3.arpa", "ref-o3.trie-q8.klm", "ref-o3.deepspeech.scorer"])
def test_what_people_have_becomes_a_scorer(tympan: Run, folder: Path, name: str) -> None:
    old, new = unpacked(name, folder), folder / "new.scorer"
    assert tympan("lm", "info", old).returncode == 0
    result = tympan("lm", "convert", old, "-o", new, "--tokens", folder / "tokens.txt")
    assert result.returncode == 0, result.stderr
    assert "4,047 words, 0 left out" in result.stdout and "4,050 words, 14,633 pairs, 18,977 triples" in result.stdout
    told = json.loads(tympan("lm", "info", new, "--json").stdout)
    assert told["order"] == 3
    if "deepspeech" in name:
        assert (told["lm_weight"], told["word_score"]) == (0.93, 1.18)


def test_tuning_writes_weights_that_are_no_worse_and_runs_the_network_once(tympan: Run, folder: Path) -> None:
    rows = [json.loads(line) for line in (ROOT / "samples" / "manifest.jsonl").read_text(encoding="utf-8").splitlines()]
    manifest, scorer = folder / "dev.jsonl", folder / "my.scorer"
    rows = [{**row, "audio_filepath": str(ROOT / "samples" / row["audio_filepath"])} for row in rows]
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (folder / "said.txt").write_text("".join(row["text"].lower() + "\n" for row in rows), encoding="utf-8")
    built = tympan("lm", "build", folder / "said.txt", "-o", scorer, "--order", "2", "--prune", "0", "-d", folder / "cmu.dict")
    assert built.returncode == 0, built.stderr
    before = scorer.read_bytes()
    model = shutil.copy(MODELS / "english.tympan", folder / "mine.tympan")  # which has no scorer beside it yet
    tune = ["lm", "tune", manifest, "--scorer", scorer, "--model", model, "--cache", folder / "cache", "--trials", "14", "--threads", "1"]
    dry = tympan(*tune, "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert scorer.read_bytes() == before and "cache" not in dry.stdout
    result = tympan(*tune)
    assert result.returncode == 0, result.stderr
    assert "from the cache" in result.stdout and "written into" in result.stdout
    told = json.loads(tympan("lm", "info", scorer, "--json").stdout)
    tuning = told["facts"]["tuning"]
    assert tuning["wer"] <= tuning["wer_before"] and tuning["utterances"] == len(rows) and tuning["manifests"] == ["dev.jsonl"]
    assert f"lm_weight {told['lm_weight']:g}, word_score {told['word_score']:g}" in result.stdout


MISTAKES = {
    "no text": (["build", "missing.txt", "-o", "x.scorer"], ["missing.txt"]),
    "order": (["build", "four.txt", "-o", "x.scorer", "--order", "9"], ["order", "9"]),
    "prune": (["build", "four.txt", "-o", "x.scorer", "--prune", "a,b"], ["--prune", "a,b"]),
    "falling": (["build", "four.txt", "-o", "x.scorer", "--prune", "0,3,1"], ["0,3,1"]),
    "both vocabularies": (
        ["build", "four.txt", "-o", "x.scorer", "--vocabulary-size", "5", "--vocabulary", "four.txt"],
        ["--vocabulary-size and --vocabulary "],
    ),
    "both tables": (["build", "four.txt", "-o", "x.scorer", "--model", "english"], ["--model", "--tokens"]),
    "itself": (["build", "four.txt", "-o", "four.txt"], ["four.txt", "read and written"]),
    "a folder": (["build", "four.txt", "-o", "."], ["folder"]),
    "two words a line": (["build", "four.txt", "-o", "x.scorer", "--vocabulary", "four.txt"], ["four.txt", "line 1"]),
    "no model": (["convert", "missing.klm", "-o", "x.scorer"], ["missing.klm"]),
    "text": (["convert", "four.txt", "-o", "x.scorer"], ["four.txt"]),
    "no alphabet": (["convert", "four.txt", "-o", "x.scorer", "--alphabet", "missing.txt"], ["missing.txt"]),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_one_sentence_and_write_nothing(tympan: Run, folder: Path, name: str) -> None:
    arguments, parts = MISTAKES[name]
    result = tympan("lm", *arguments, "--tokens", folder / "tokens.txt", cwd=folder)
    assert result.returncode == 2
    assert result.stderr.startswith("tympan: ") and "Traceback" not in result.stderr
    assert [part for part in parts if part not in result.stderr] == []
    assert not (folder / "x.scorer").exists() and (folder / "four.txt").read_text(encoding="utf-8") == FOUR_LINES


def test_mistakes_with_a_scorer_are_one_sentence_and_leave_it_alone(tympan: Run, folder: Path) -> None:
    scorer = folder / "my.scorer"
    assert (
        tympan("lm", "build", folder / "four.txt", "-o", scorer, "--tokens", folder / "phones.txt", "-d", folder / "cmu.dict").returncode
        == 0
    )
    before = scorer.read_bytes()
    toy = make_bundle(folder / "toy.tympan", " abc").path
    (folder / "wrong.txt").write_text("zork\nbork B OH\n", encoding="utf-8")
    (folder / "bare.txt").write_text("a\nb\n", encoding="utf-8")
    for arguments, parts in (
        (["add-words", scorer, folder / "wrong.txt"], ["line 2", "'OH'"]),
        (["add-words", scorer, folder / "missing.txt"], ["missing.txt"]),
        (["add-words", folder / "four.txt", folder / "wrong.txt"], ["four.txt", "not a scorer"]),
        (["info", folder / "four.txt"], ["four.txt"]),
        (["tune", folder / "missing.jsonl", "--scorer", scorer], ["missing.jsonl"]),
        (["tune", ROOT / "samples" / "manifest.jsonl", "--scorer", scorer, "-m", toy, "--cache", folder / "cache"], ["other tokens"]),
        (["build", folder / "four.txt", "-o", folder / "x.scorer", "--tokens", folder / "bare.txt"], ["bare.txt", "'a'", "<blank>"]),
    ):
        result = tympan("lm", *arguments)
        assert result.returncode == 2, arguments
        assert "Traceback" not in result.stderr and [part for part in parts if part not in result.stderr] == []
    assert scorer.read_bytes() == before and not (folder / "cache").exists()


@pytest.mark.parametrize("command", [[], ["build"], ["info"], ["add-words"], ["convert"], ["tune"]])
def test_help_needs_no_native_code_and_no_numpy(command: list[str]) -> None:
    program = (
        "import sys\nfrom tympan.cli.main import app\n"
        f"try: app(['lm', *{command!r}, '--help'])\n"
        "except SystemExit as done: code = done.code\n"
        "sys.exit(code or any(name in sys.modules for name in ('numpy', 'tympan._native', 'onnxruntime')))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "tympan lm" in result.stdout or not command


def test_a_picture_is_refused_before_any_work_where_it_cannot_be_drawn(folder: Path) -> None:
    program = (
        "import sys, importlib.util\nfrom tympan import extras\n"
        "extras.find_spec = lambda name: None if name == 'matplotlib' else importlib.util.find_spec(name)\n"
        "from tympan.cli import main\n"
        "sys.argv = ['tympan', 'lm', 'tune', 'missing.jsonl', '--scorer', 'missing.scorer', '--plot', 'a.png']\n"
        "main()"
    )
    result = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False)
    assert result.returncode == 2 and "pip install 'tympan[plot]'" in result.stderr

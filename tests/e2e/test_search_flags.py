"""Scorers, hot words and scores by parts on the command line, on models that hear tones."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile

from strategies import Run
from toy_models import RATE, make_bundle, make_scorer, speak
from tympan.lm import Scorer

pytest.importorskip("onnx", reason="makes the graphs")
DOUBTS = {"c": ("k", 1.3), "d": ("t", 0.9)}  # what is said, and what the network hears rather
SENTENCES = ("cat dog sat", "dog sat cat", "sat")
ROW = re.compile(r"^  +" + r"(-?\d+\.\d+) +" * 5 + r"(\d+) +(\d+\.\d)%  (.*)$", re.MULTILINE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """alone.tympan; with.tympan and with.scorer; phones.tympan; other.scorer for other tokens; clips and their manifest."""
    folder = tmp_path_factory.mktemp("search")
    bundle = make_bundle(folder / "alone.tympan", " acdgkostz")
    replace(bundle, path=folder / "with.tympan").write(folder / "with.tympan")
    make_scorer(folder / "with.scorer", bundle.tokens, {"cat": [], "dog": [], "sat": [], "tag": []}, {"tag": -3.0})
    phones = make_bundle(folder / "phones.tympan", ["AE", "K", "T"], "phones")
    make_scorer(folder / "other.scorer", phones.tokens, {"cat": ["K AE T"]})
    lines = []
    for number, text in enumerate(SENTENCES):
        samples = speak(bundle.tokens, text, DOUBTS)
        soundfile.write(folder / f"{number}.wav", samples, RATE, subtype="FLOAT")
        lines.append({"audio_filepath": f"{number}.wav", "duration": len(samples) / RATE, "text": text, "speaker": "", "id": str(number)})
    (folder / "clips.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    soundfile.write(folder / "phones.wav", speak(phones.tokens, "K AE T"), RATE, subtype="FLOAT")
    return folder


def test_scorer_is_found_beside_the_model_given_or_refused(tympan: Run, folder: Path) -> None:
    texts = {}
    for name, options in {
        "none": ["-m", "alone.tympan"],
        "given": ["-m", "alone.tympan", "--scorer", "with.scorer"],
        "beside": ["-m", "with.tympan"],
        "declined": ["-m", "with.tympan", "--scorer", "none"],
    }.items():
        result = tympan("transcribe", "0.wav", *options, cwd=folder)
        assert result.returncode == 0, result.stderr
        texts[name] = result.stdout.strip()
    assert texts == {"none": "kat tog sat", "given": "cat dog sat", "beside": "cat dog sat", "declined": "kat tog sat"}


def test_hot_words_are_heard_and_counted_on_stderr(tympan: Run, folder: Path) -> None:
    words = ["--hot-word", "Cat:4", "--hot-word", "tag", "--hot-word", "dog  sat:2"]
    result = tympan("transcribe", "0.wav", "1.wav", "-m", "with.tympan", *words, cwd=folder)
    assert result.returncode == 0, result.stderr
    assert result.stderr.strip() == "hot words: cat fired 2 times, tag never, dog sat fired 2 times"
    assert result.stdout.splitlines() == ["0.wav: cat dog sat", "1.wav: dog sat cat"]
    once = tympan("transcribe", "0.wav", "-m", "with.tympan", "--hot-word", "cat:4", "--format", "json", cwd=folder)
    assert json.loads(once.stdout)["hot_words"] == {"cat": 1}
    assert once.stderr.strip() == "hot words: cat fired once"


def test_explain_shows_parts_that_add_up_and_the_text_that_is_transcribed(tympan: Run, folder: Path) -> None:
    options = ["-m", "with.tympan", "--beam-threshold", "60", "--hot-word", "cat:4", "--hot-word", "tag:1"]
    result = tympan("transcribe", "1.wav", "2.wav", "--explain", *options, cwd=folder)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    first, second = result.stdout.split("2.wav:\n")
    assert first.startswith("1.wav:\n0.00 to ")
    rows = ROW.findall(first)
    assert len(rows) >= 2
    for *numbers, count, _, text in rows:
        total, *parts = map(float, numbers)
        assert abs(total - sum(parts)) < 0.03  # five numbers of two digits each
        assert int(count) == len(text.split())
    assert [float(row[0]) for row in rows] == sorted((float(row[0]) for row in rows), reverse=True)
    assert rows[0][-1] == "dog sat cat"
    assert float(rows[0][4]) == 4.0
    assert "hot words: cat fired once, tag never" in first and "hot words: cat never, tag never" in second


def test_explain_gives_the_same_facts_as_json(tympan: Run, folder: Path) -> None:
    options = ["-m", "with.tympan", "--hot-word", "cat:4", "--lm-weight", "0.5", "--word-score", "1.5", "--format", "json"]
    found = json.loads(tympan("transcribe", "0.wav", "--explain", *options, cwd=folder).stdout)
    best = found["pieces"][0]["hypotheses"][0]
    assert best["text"] == found["text"] == "cat dog sat"
    assert best["total"] == pytest.approx(best["acoustic"] + best["lm"] + best["words"] + best["hot_words"], abs=1e-4)
    assert (best["words"], best["count"], best["hot_words"], best["fired"]) == (pytest.approx(4.5, abs=1e-4), 3, 4.0, {"cat": 1})
    log10 = Scorer.open(folder / "with.scorer").ngram.score("cat dog sat")
    assert best["lm"] == pytest.approx(0.5 * log10 * 2.302585, abs=1e-3)
    assert 0 <= best["share"] <= 1


def test_explain_of_greedy_decoding_has_its_text(tympan: Run, folder: Path) -> None:
    result = tympan("transcribe", "0.wav", "--explain", "-m", "alone.tympan", cwd=folder)
    assert [row[-1] for row in ROW.findall(result.stdout)] == ["kat tog sat"]


def test_explain_and_subtitles_do_not_go_together(tympan: Run, folder: Path) -> None:
    result = tympan("transcribe", "0.wav", "--explain", "--format", "srt", "-m", "with.tympan", cwd=folder)
    assert result.returncode == 2
    assert "--explain" in result.stderr and "srt" in result.stderr


@pytest.mark.parametrize("command", ["transcribe", "evaluate"])
def test_unusable_scorer_is_told_before_any_recording_is_opened(tympan: Run, folder: Path, command: str) -> None:
    (folder / "text.scorer").write_text("not a scorer", encoding="utf-8")
    (folder / "gone.jsonl").write_text('{"audio_filepath": "gone.wav", "duration": 1, "text": "a"}\n', encoding="utf-8")
    for scorer, parts in {
        "missing.scorer": ["There is no scorer missing.scorer"],
        "text.scorer": ["is not a scorer", "tympan lm convert"],
        "other.scorer": ["other.scorer was made for other tokens", "tympan lm build"],
    }.items():
        result = tympan(
            command, "gone.wav" if command == "transcribe" else "gone.jsonl", "-m", "alone.tympan", "--scorer", scorer, cwd=folder
        )
        assert result.returncode == 2
        assert [part for part in parts if part not in result.stderr] == []
        assert "gone.wav" not in result.stderr and "Traceback" not in result.stderr


MISTAKES = {
    "weight": (["--hot-word", "crow:loud"], "'loud' is no number"),
    "no word": (["--hot-word", ":8"], "there is no word"),
    "not finite": (["--hot-word", "cat:nan"], "nan"),
    "spelling": (["--hot-word", "schön:8"], "'schön' cannot be spelled"),
    "weights of no scorer": (["--lm-weight", "1"], "without a scorer"),
    "lm_weight": (["--scorer", "with.scorer", "--lm-weight", "nan"], "lm_weight is nan"),
    "beam_threshold": (["--beam-threshold", "nan"], "--beam-threshold"),
    "beam_size": (["--beam-size", "0"], "--beam-size"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_sentences_before_any_recording_is_opened(tympan: Run, folder: Path, name: str) -> None:
    options, part = MISTAKES[name]
    result = tympan("transcribe", "gone.wav", "-m", "alone.tympan", *options, cwd=folder)
    assert result.returncode == 2
    assert part in result.stderr and "gone.wav" not in result.stderr and "Traceback" not in result.stderr


def test_phones_need_a_scorer_or_a_plain_refusal_of_one(tympan: Run, folder: Path) -> None:
    refused = tympan("transcribe", "gone.wav", "-m", "phones.tympan", cwd=folder)
    assert refused.returncode == 2
    assert "phones.tympan gives phones" in refused.stderr and "--scorer" in refused.stderr and "gone.wav" not in refused.stderr
    assert tympan("transcribe", "phones.wav", "-m", "phones.tympan", "--scorer", "none", cwd=folder).stdout == "K AE T\n"
    assert tympan("transcribe", "phones.wav", "-m", "phones.tympan", "--scorer", "other.scorer", cwd=folder).stdout == "cat\n"


def test_scorer_lowers_the_error_rate_and_the_report_says_how_it_searched(tympan: Run, folder: Path, tmp_path: Path) -> None:
    reports = {}
    for name, options in {
        "greedy": ["--scorer", "none"],
        "beam": ["--beam-size", "50", "--hot-word", "cat:1", "--lm-weight", "0.7"],
    }.items():
        result = tympan("evaluate", "clips.jsonl", "-m", "with.tympan", "--output", tmp_path / f"{name}.json", *options, cwd=folder)
        assert result.returncode == 0, result.stderr
        reports[name] = json.loads((tmp_path / f"{name}.json").read_text(encoding="utf-8"))
        assert f"search            {reports[name]['search']}" in result.stdout
    assert reports["greedy"]["wer"] == pytest.approx(4 / 7)  # each cat and each dog
    assert reports["beam"]["wer"] == 0
    assert reports["greedy"]["settings"] == {"decoder": "greedy"}
    settings = reports["beam"]["settings"]
    assert (settings["decoder"], settings["scorer"], settings["beam_size"], settings["lm_weight"]) == ("beam", "with.scorer", 50, 0.7)
    assert settings["hot_words"] == {"cat": 1.0} and reports["beam"]["hot_words"] == {"cat": 2}
    assert reports["beam"]["rtf"] > 0


def test_open_vocabulary_writes_what_the_lexicon_lacks(tympan: Run, folder: Path) -> None:
    bundle_tokens = Scorer.open(folder / "with.scorer").tokens
    soundfile.write(folder / "zoo.wav", speak(bundle_tokens, "cat zoo"), RATE, subtype="FLOAT")
    closed = tympan("transcribe", "zoo.wav", "-m", "with.tympan", cwd=folder)
    opened = tympan("transcribe", "zoo.wav", "-m", "with.tympan", "--open-vocabulary", cwd=folder)
    assert "zoo" not in closed.stdout and opened.stdout == "cat zoo\n"


def test_info_names_the_scorer_of_the_model(tympan: Run, folder: Path) -> None:
    facts = json.loads(tympan("info", "with.tympan", "--json", cwd=folder).stdout)["scorer"]
    assert (facts["path"], facts["words"], facts["order"]) == ("with.scorer", 4, 1)
    assert json.loads(tympan("info", "alone.tympan", "--json", cwd=folder).stdout)["scorer"] is None


def test_info_shows_a_model_whose_scorer_does_not_fit(tympan: Run, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "m.tympan").write_bytes((folder / "alone.tympan").read_bytes())
    (tmp_path / "m.scorer").write_bytes((folder / "other.scorer").read_bytes())
    result = tympan("info", tmp_path / "m.tympan", "--json")
    assert result.returncode == 0, result.stderr
    assert "was made for other tokens" in json.loads(result.stdout)["scorer"]["error"]

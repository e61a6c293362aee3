"""From folders to manifests: durations measured, nothing lost without a reason, speakers kept apart."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import soundfile

import miniature_corpora
from miniature_corpora import FOLDERS, SECONDS, SPEAKERS, tune
from tympan.data import read_manifest
from tympan.data.prepare import prepare
from tympan.errors import ManifestError, TympanError

SPLIT = "0.6,0.2,0.2"
SEED = 5  # of these six speakers and twelve recordings, somebody falls into each part


@pytest.mark.parametrize("name", FOLDERS)
def test_every_form_becomes_a_manifest_with_measured_durations(tmp_path: Path, name: str) -> None:
    FOLDERS[name](tmp_path / "in")
    report = prepare(tmp_path / "in", tmp_path / "out" / "all.jsonl")
    assert report.layout == name and not report.left_out
    utterances = read_manifest(tmp_path / "out" / "all.jsonl")
    assert len(utterances) == 12
    for utterance in utterances:
        assert utterance.duration == pytest.approx(soundfile.info(utterance.audio).duration, abs=1e-3)
        assert utterance.duration == pytest.approx(SECONDS, abs=0.1)  # MP3 pads
    assert (report.clips is not None) == (name in {"kaldi", "lhotse"})


def test_split_is_by_speaker_and_reports_hours_and_speakers(tmp_path: Path) -> None:
    FOLDERS["librispeech"](tmp_path / "in")
    report = prepare(tmp_path / "in", tmp_path / "all.jsonl", split=SPLIT, seed=SEED)
    speakers = {part.name: {utterance.speaker for utterance in read_manifest(part.path)} for part in report.parts}
    assert list(speakers) == ["train", "dev", "test"]
    assert sorted(speaker for part in speakers.values() for speaker in part) == sorted(SPEAKERS)
    assert [part.speakers for part in report.parts] == [len(of) for of in speakers.values()]
    assert sum(part.seconds for part in report.parts) == pytest.approx(12 * SECONDS, abs=1e-3)
    assert report.split_by == "speaker" and not report.notes
    assert [part.path.name for part in report.parts] == ["all-train.jsonl", "all-dev.jsonl", "all-test.jsonl"]


def test_adding_a_speaker_moves_nobody(tmp_path: Path) -> None:
    FOLDERS["hugging-face"](tmp_path / "in")

    def parts() -> dict[str, str]:
        report = prepare(tmp_path / "in", tmp_path / "all.jsonl", split=SPLIT, seed=SEED)
        return {utterance.id: part.name for part in report.parts for utterance in read_manifest(part.path)}

    before = parts()
    tune(tmp_path / "in" / "data" / "new.flac")
    table = tmp_path / "in" / "metadata.csv"
    header, *rows = table.read_text().splitlines()
    table.write_text("\n".join([header, "data/new.flac,hello,0999", *rows]))
    after = parts()
    assert set(after) - set(before) == {"data/new.flac"}
    assert {id: after[id] for id in before} == before


def test_without_speakers_it_says_that_the_split_flatters(tmp_path: Path) -> None:
    FOLDERS["pairs"](tmp_path / "in")
    report = prepare(tmp_path / "in", tmp_path / "all.jsonl", split=SPLIT, seed=SEED)
    assert report.split_by == "recording"
    assert "flatter" in report.notes[0]


def test_a_moved_corpus_is_split_as_before(tmp_path: Path) -> None:
    FOLDERS["pairs"](tmp_path / "in")
    first = prepare(tmp_path / "in", tmp_path / "a.jsonl", split=SPLIT, seed=SEED)
    shutil.move(tmp_path / "in", tmp_path / "elsewhere")
    second = prepare(tmp_path / "elsewhere", tmp_path / "b.jsonl", split=SPLIT, seed=SEED)
    ids = [[[utterance.id for utterance in read_manifest(part.path)] for part in report.parts] for report in (first, second)]
    assert ids[0] == ids[1]


def test_own_parts_are_kept(tmp_path: Path) -> None:
    FOLDERS["common-voice"](tmp_path / "in")
    report = prepare(tmp_path / "in", tmp_path / "cv.jsonl", split="own")
    assert {part.path.name: part.speakers for part in report.parts} == {"cv-train.jsonl": 4, "cv-dev.jsonl": 1, "cv-test.jsonl": 1}


def test_a_part_that_nobody_falls_into_is_told_before_measuring(tmp_path: Path) -> None:
    FOLDERS["librispeech"](tmp_path / "in")
    steps: list[str] = []
    with pytest.raises(TympanError, match=r"With 6 speakers.*none falls into dev or test.*--seed"):
        prepare(tmp_path / "in", tmp_path / "a.jsonl", split="0.998,0.001,0.001", progress=lambda what, done, total: steps.append(what))
    assert set(steps) == {"reading lists"} and not list(tmp_path.glob("*.jsonl"))


def test_paths_below_the_manifest_are_relative_and_others_absolute(tmp_path: Path) -> None:
    FOLDERS["nemo"](tmp_path / "in")
    prepare(tmp_path / "in", tmp_path / "all.jsonl")
    prepare(tmp_path / "in", tmp_path / "out" / "all.jsonl")
    inside, outside = (json.loads(path.read_text().split("\n")[0]) for path in (tmp_path / "all.jsonl", tmp_path / "out" / "all.jsonl"))
    assert inside["audio_filepath"] == "in/clips/1001-7-0000.wav"
    assert outside["audio_filepath"] == str(tmp_path / "in/clips/1001-7-0000.wav")
    assert inside["duration"] == SECONDS  # the list claims 9.9


def test_what_is_left_out_is_counted_by_reason_and_named(tmp_path: Path) -> None:
    FOLDERS["nemo"](tmp_path / "in")
    clips = tmp_path / "in" / "clips"
    (clips / "1001-7-0000.wav").unlink()
    (clips / "1002-7-0000.wav").write_bytes(b"not audio at all")
    with (tmp_path / "in" / "all.jsonl").open("a") as file:
        file.write('\n{"audio_filepath": "clips/1003-7-0000.wav", "duration": 1, "text": "again", "id": "1004-7-0000"}\n{broken\n')
        file.write('{"audio_filepath": "clips/1003-7-0001.wav", "duration": 5, "offset": 7, "text": "late", "id": "late"}\n')
    report = prepare(tmp_path / "in", tmp_path / "all.jsonl")
    assert {reason: len(where) for reason, where in report.left_out.items()} == {
        "the line cannot be read": 1,
        "the recording is not there": 1,
        "another utterance has the same id": 1,
        "the recording cannot be read": 1,
        "the utterance lies outside its recording": 1,
    }
    named = " ".join(where for places in report.left_out.values() for where in places)
    assert all(part in named for part in ("all.jsonl:14", "1001-7-0000.wav", "1004-7-0000", "1002-7-0000.wav", "late (7 to 12 s of 1.2 s)"))
    assert report.parts[0].utterances == 10


def test_nothing_usable_is_refused_with_the_reasons(tmp_path: Path) -> None:
    FOLDERS["nemo"](tmp_path / "in")
    shutil.rmtree(tmp_path / "in" / "clips")
    with pytest.raises(ManifestError, match=r"no usable utterance: the recording is not there \(12: .*and 10 more"):
        prepare(tmp_path / "in", tmp_path / "all.jsonl")
    assert not (tmp_path / "all.jsonl").exists()


def test_empty_transcripts_are_kept_and_counted(tmp_path: Path) -> None:
    FOLDERS["pairs"](tmp_path / "in")
    (tmp_path / "in" / "1001" / "1001-7-0000.txt").write_text(" \n")
    report = prepare(tmp_path / "in", tmp_path / "all.jsonl")
    assert report.parts[0].utterances == 12 and report.parts[0].without_text == 1


def test_its_own_manifest_is_not_taken_for_a_source(tmp_path: Path) -> None:
    FOLDERS["pairs"](tmp_path)
    prepare(tmp_path, tmp_path / "all.jsonl")
    with pytest.raises(TympanError, match="would be read as one of its lists"):
        prepare(tmp_path, tmp_path / "all.jsonl")
    assert prepare(tmp_path, tmp_path / "all.jsonl", layout="pairs").parts[0].utterances == 12


def test_one_list_can_be_prepared_alone(tmp_path: Path) -> None:
    FOLDERS["nemo"](tmp_path / "in")
    assert prepare(tmp_path / "in" / "all.jsonl", tmp_path / "out.jsonl").layout == "nemo"


def test_names_that_are_not_utf8_are_left_out(tmp_path: Path) -> None:
    miniature_corpora.pairs(tmp_path / "in")
    broken = "in/1001/gr\udcfc\udcdfe"
    try:
        shutil.copy(tmp_path / "in/1001/1001-7-0000.ogg", tmp_path / f"{broken}.ogg")
    except OSError:
        pytest.skip("this file system takes no such names")
    (tmp_path / f"{broken}.txt").write_text("x")
    report = prepare(tmp_path / "in", tmp_path / "all.jsonl")
    assert report.parts[0].utterances == 12
    assert report.left_out["the name is not UTF-8"]

"""Every form is recognised for what it is, and gives the utterances that its miniature holds."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import pytest

import miniature_corpora
from miniature_corpora import FOLDERS, Said, sentences, tune
from tympan.data.layouts import LAYOUTS, Found, LeftOut, recognise
from tympan.errors import ManifestError

# LibriSpeech and VoxForge are in capitals; these forms do not tell who speaks; these name utterances by their paths.
IN_CAPITALS = {"librispeech", "voxforge"}
WITHOUT_SPEAKERS = {"csv", "ljspeech", "pairs"}


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("miniatures")
    for name, make in FOLDERS.items():
        make(folder / name)
    return folder


def of(folder: Path, name: str) -> tuple[list[Found], list[LeftOut]]:
    findings = list(LAYOUTS[name].utterances(folder))
    return [item for item in findings if isinstance(item, Found)], [item for item in findings if isinstance(item, LeftOut)]


def test_every_layout_has_a_miniature() -> None:
    assert list(LAYOUTS) == sorted(FOLDERS)


@pytest.mark.parametrize("name", FOLDERS)
def test_a_form_is_recognised_and_the_reason_names_what_was_seen(folders: Path, name: str) -> None:
    found, evidence = recognise(folders / name)
    assert found == name
    assert evidence.why


@pytest.mark.parametrize("name", sorted(set(FOLDERS) - {"yesno"}))
def test_utterances_are_those_of_the_miniature(folders: Path, name: str) -> None:
    found, left_out = of(folders / name, name)
    assert not left_out
    assert all(item.audio.is_file() for item in found)
    seen = {Said(Path(item.audio).stem if item.end_s is None else item.id, item.speaker, item.text) for item in found}
    expected = {
        Said(said.name, "" if name in WITHOUT_SPEAKERS else said.speaker, said.text.upper() if name in IN_CAPITALS else said.text)
        for said in sentences()
    }
    assert seen == expected


@pytest.mark.parametrize("name", ["kaldi", "lhotse"])
def test_pieces_of_recordings_have_their_places(folders: Path, name: str) -> None:
    found, _ = of(folders / name, name)
    assert {(item.start_s, round(item.end_s or 0, 6)) for item in found} == {(0.1, 1.3), (1.5, 2.7)}


def test_yesno_reads_the_words_from_the_name(folders: Path) -> None:
    found, _ = of(folders / "yesno", "yesno")
    assert {item.id: item.text for item in found}["0_0_1_0_0_1_0_1"] == "no no yes no no yes no yes"


def test_parts_of_common_voice_share_no_clip(folders: Path) -> None:
    found, _ = of(folders / "common-voice", "common-voice")
    assert len(found) == len({item.id for item in found}) == 12
    assert {item.part for item in found} == {"train", "dev", "test"}


def test_common_voice_reads_sentences_that_begin_with_a_quotation_mark(tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    tune(tmp_path / "clips" / "a.mp3")
    (tmp_path / "validated.tsv").write_text('client_id\tpath\tsentence\nx\ta.mp3\t"He said\ny\tb.mp3\tso\n', encoding="utf-8")
    found, _ = of(tmp_path, "common-voice")
    assert [item.text for item in found] == ['"He said', "so"]


def test_speechocean_is_kaldi_with_paths_from_the_folder_above(tmp_path: Path) -> None:
    miniature_corpora.speechocean762(tmp_path)
    name, _ = recognise(tmp_path / "speechocean762")
    found, left_out = of(tmp_path / "speechocean762", name)
    assert name == "kaldi" and not left_out
    assert all(item.audio.is_file() for item in found)
    assert {item.part for item in found} == {"train", "test"}


def test_commands_in_wav_scp_are_refused_and_never_run(folders: Path, tmp_path: Path) -> None:
    home = tmp_path / "kaldi"
    shutil.copytree(folders / "kaldi", home)
    (home / "wav.scp").write_text(f"rec-1001 touch {tmp_path}/ran |\nrec-1002 audio/1002.wav\n")
    with pytest.raises(ManifestError, match=r"1 of 2 recordings are a command, the first is rec-1001.*runs no command.*wav-copy"):
        of(home, "kaldi")
    assert not (tmp_path / "ran").exists()


def test_archives_of_kaldi_are_refused(folders: Path, tmp_path: Path) -> None:
    home = tmp_path / "kaldi"
    shutil.copytree(folders / "kaldi", home)
    (home / "wav.scp").write_text("rec-1001 raw.ark:17\n")
    with pytest.raises(ManifestError, match="inside an archive"):
        of(home, "kaldi")


def test_kaldi_that_names_each_utterance_as_its_speaker_knows_no_speakers(folders: Path, tmp_path: Path) -> None:
    home = tmp_path / "kaldi"
    shutil.copytree(folders / "kaldi", home)
    (home / "utt2spk").write_text("".join(f"{said.name} {said.name}\n" for said in sentences()))
    assert {item.speaker for item in of(home, "kaldi")[0]} == {""}


def test_wrong_segments_are_left_out_and_named(folders: Path, tmp_path: Path) -> None:
    home = tmp_path / "kaldi"
    shutil.copytree(folders / "kaldi", home)
    (home / "segments").write_text("a rec-1001 1 x\nb rec-9 0 1\nc rec-1001 0 1\n1001-7-0000 rec-1001 0.1 -1\n")
    found, left_out = of(home, "kaldi")
    assert [(item.id, item.end_s) for item in found] == [("1001-7-0000", None)]
    assert [item.where for item in left_out] == ["segments: a", "b in rec-9", "c"]


@pytest.mark.parametrize("kind", ["command", "url", "memory"])
def test_sources_of_lhotse_that_are_no_files_are_left_out(tmp_path: Path, kind: str) -> None:
    source = {"type": kind, "channels": [0], "source": f"touch {tmp_path}/ran"}
    supervision = {"id": "s", "start": 0, "duration": 1, "text": "x"}
    cut = {"id": "c", "start": 0, "duration": 1, "supervisions": [supervision], "recording": {"id": "r", "sources": [source]}}
    (tmp_path / "cuts.jsonl.gz").write_bytes(gzip.compress(json.dumps(cut).encode()))
    found, left_out = of(tmp_path, "lhotse")
    assert not found and "not a file" in left_out[0].reason
    assert not (tmp_path / "ran").exists()


def test_lhotse_gives_each_supervision_at_its_place_in_the_recording(tmp_path: Path) -> None:
    supervisions = [{"id": f"s{i}", "start": i * 2, "duration": 1.5, "text": "x", "speaker": "anna"} for i in range(2)]
    recording = {"id": "r", "sources": [{"type": "file", "source": "a.wav"}], "duration": 60}
    cut = {"id": "c", "start": 10, "duration": 5, "supervisions": supervisions, "recording": recording, "type": "MonoCut"}
    mixed = {"id": "m", "tracks": [], "type": "MixedCut"}
    (tmp_path / "cuts.jsonl").write_text(f"{json.dumps(cut)}\n{json.dumps(mixed)}\n")
    found, left_out = of(tmp_path, "lhotse")
    assert [(item.id, item.start_s, item.end_s) for item in found] == [("s0", 10.0, 11.5), ("s1", 12.0, 13.5)]
    assert [item.where for item in left_out] == ["cuts.jsonl:2"]


def test_recordings_and_supervisions_of_lhotse_are_joined(tmp_path: Path) -> None:
    tune(tmp_path / "a.wav")
    recording = {"id": "r", "sources": [{"type": "file", "channels": [0], "source": "a.wav"}], "duration": 0.3}
    said = {"id": "s", "recording_id": "r", "start": 0.0, "duration": 0.3, "text": "yes", "speaker": "anna"}
    lost = {**said, "id": "t", "recording_id": "q"}
    (tmp_path / "x_recordings.jsonl.gz").write_bytes(gzip.compress(json.dumps(recording).encode()))
    (tmp_path / "x_supervisions.jsonl.gz").write_bytes(gzip.compress(f"{json.dumps(said)}\n{json.dumps(lost)}".encode()))
    assert recognise(tmp_path)[0] == "lhotse"
    found, left_out = of(tmp_path, "lhotse")
    assert [(item.id, item.text, item.end_s) for item in found] == [("s", "yes", None)]
    assert [item.where for item in left_out] == ["t in q"]


def test_recordings_without_a_text_are_left_out_and_named(folders: Path, tmp_path: Path) -> None:
    for name, lost in (("pairs", "1001/1001-7-0000"), ("librispeech", "1001-7-0000"), ("ljspeech", "1001-7-0000")):
        home = tmp_path / name
        shutil.copytree(folders / name, home)
        if name == "pairs":
            (home / f"{lost}.txt").unlink()
        else:
            lists = next(home.rglob("1001-7.trans.txt" if name == "librispeech" else "metadata.csv"))
            lists.write_text("\n".join(line for line in lists.read_text().split("\n") if not line.startswith(lost)))
        found, left_out = of(home, name)
        assert len(found) == 11
        assert [item.reason for item in left_out] == ["the recording has no transcript"]
        assert lost in left_out[0].where


def test_offsets_of_nemo_cut_and_wrong_lines_are_named(tmp_path: Path) -> None:
    lines = [
        '{"audio_filepath": "long.wav", "offset": 12.5, "duration": 3, "text": "x"}',
        '{"audio_filepath": "long.wav", "duration": 60, "text": "y"}',
        '{"audio_filepath": "b.wav", "duration": 1}',
        "{nothing",
        '{"audio_filepath": "c\\u0000.wav", "duration": 1, "text": ""}',
    ]
    (tmp_path / "a.json").write_text("\ufeff" + "\r\n".join(lines), encoding="utf-8")
    found, left_out = of(tmp_path, "nemo")
    assert [(item.id, item.start_s, item.end_s) for item in found] == [("long.wav@12.5", 12.5, 15.5), ("long.wav", 0.0, None)]
    assert [item.where for item in left_out] == ["a.json:3", "a.json:4", "a.json:5"]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_tables_of_any_separator_are_read(tmp_path: Path, separator: str) -> None:
    rows = [("Audio_Path", "Speaker", "Text"), ("a.wav", "anna", "yes"), ("b.wav", "ben"), ("c.wav", "cleo", "no")]
    (tmp_path / "list.csv").write_text("\n".join(separator.join(row) for row in rows), encoding="utf-8-sig")
    assert recognise(tmp_path)[0] == "csv"
    found, left_out = of(tmp_path, "csv")
    assert [(item.audio.name, item.speaker, item.text) for item in found] == [("a.wav", "anna", "yes"), ("c.wav", "cleo", "no")]
    assert [item.where for item in left_out] == ["list.csv:3"]


def test_a_folder_that_looks_like_two_things_asks_which(folders: Path, tmp_path: Path) -> None:
    shutil.copytree(folders / "yesno", tmp_path / "both")
    shutil.copytree(folders / "librispeech", tmp_path / "both", dirs_exist_ok=True)
    with pytest.raises(ManifestError, match=r"more than one thing: librispeech: .*yesno: .*--layout librispeech or --layout yesno"):
        recognise(tmp_path / "both")
    assert recognise(tmp_path / "both", "yesno")[0] == "yesno"


def test_what_has_no_form_lists_the_known_ones(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(ManifestError, match=r"no form that is known \(common-voice.*wav_filename and transcript"):
        recognise(tmp_path)
    with pytest.raises(ManifestError, match="There is no folder"):
        recognise(tmp_path / "nowhere")
    with pytest.raises(ManifestError, match="Known are: common-voice"):
        recognise(tmp_path, "kaldy")


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "metadata.csv", "cuts.jsonl.gz"])
@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"\x1f\x8b\x08broken", b"[" * 100_000, b'"' * 300_000, b"\0" * 1000])
def test_no_file_breaks_recognising(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ManifestError, match="no form that is known"):
        recognise(tmp_path)


def test_a_list_that_is_not_utf8_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"wav_filename,transcript\na.wav,gr\xfc\xdfe\n")
    with pytest.raises(ManifestError, match=r"a\.csv, line 2, is not UTF-8.*iconv"):
        of(tmp_path, "csv")

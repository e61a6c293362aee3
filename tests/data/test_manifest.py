"""Reading manifests: wrong lines are named, all at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from strategies import texts
from tympan.data import Utterance, read_manifest, write_manifest
from tympan.data.manifest import parse_line
from tympan.errors import ManifestError
from tympan.tokens import normalize_unicode

GOOD = '{"audio_filepath": "clips/a.flac", "duration": 3.21, "text": "how are you", "speaker": "anna", "id": "a"}'


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    return tmp_path / "train.jsonl"


def refusal(path: Path) -> str:
    with pytest.raises(ManifestError) as error:
        read_manifest(path)
    assert str(path) in str(error.value)
    return str(error.value)


def test_line_becomes_an_utterance(manifest: Path) -> None:
    manifest.write_text(GOOD)
    assert read_manifest(manifest) == [Utterance("a", manifest.parent / "clips/a.flac", 3.21, "how are you", "anna")]


def test_id_is_the_path_and_speaker_is_empty_if_not_given(manifest: Path) -> None:
    manifest.write_text(
        '{"audio_filepath": "b.wav", "duration": 1, "text": "", "offset": 0.5}\n'
        '{"audio_filepath": "c.wav", "duration": 0, "text": "x", "id": null, "speaker": null}\n'
    )
    folder = manifest.parent
    assert read_manifest(manifest) == [Utterance("b.wav", folder / "b.wav", 1.0, ""), Utterance("c.wav", folder / "c.wav", 0.0, "x")]


def test_absolute_path_stays(manifest: Path) -> None:
    manifest.write_text('{"audio_filepath": "/corpus/b.wav", "duration": 1, "text": "x"}')
    assert read_manifest(manifest)[0].audio == Path("/corpus/b.wav")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\n", "\n \n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_byte_order_mark_and_any_line_end_are_read(manifest: Path, mark: str, end: str) -> None:
    second = GOOD.replace('"a"', '"b"')
    manifest.write_bytes(f"{mark}{GOOD}{end}{second}{end}".encode())
    assert [utterance.id for utterance in read_manifest(manifest)] == ["a", "b"]


def test_byte_order_marks_of_joined_files_are_dropped(manifest: Path) -> None:
    second = GOOD.replace('"a"', '"b"')
    manifest.write_text(f"\ufeff{GOOD}\n\ufeff{second}\n\ufeff\n", encoding="utf-8")
    assert [utterance.id for utterance in read_manifest(manifest)] == ["a", "b"]


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=st.lists(texts() | st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=4))
def test_what_is_written_is_read(manifest: Path, drawn: list[str]) -> None:
    rows = [{"audio_filepath": f"{i}.wav", "duration": i / 3, "text": text} for i, text in enumerate(drawn)]
    write_manifest(manifest, rows)
    read = read_manifest(manifest)
    assert [utterance.text for utterance in read] == [normalize_unicode(text) for text in drawn]
    assert [utterance.duration for utterance in read] == [i / 3 for i in range(len(drawn))]


WRONG = {
    "no JSON": ("{nothing", "it is not JSON (Expecting property name enclosed in double quotes at sign 2)"),
    "list": ("[1]", "it is not a JSON object"),
    "number": ("7", "it is not a JSON object"),
    "no path": ('{"duration": 1, "text": "x"}', "the field 'audio_filepath' is missing"),
    "no duration": ('{"audio_filepath": "a", "text": "x"}', "the field 'duration' is missing"),
    "no text": ('{"audio_filepath": "a", "duration": 1}', "the field 'text' is missing"),
    "path as number": ('{"audio_filepath": 1, "duration": 1, "text": "x"}', "'audio_filepath' is 1, not a path"),
    "empty path": ('{"audio_filepath": "", "duration": 1, "text": "x"}', "'audio_filepath' is ''"),
    "zero in path": ('{"audio_filepath": "a\\u0000", "duration": 1, "text": "x"}', r"'audio_filepath' is 'a\x00'"),
    "duration as text": ('{"audio_filepath": "a", "duration": "1", "text": "x"}', "'duration' is '1', not seconds"),
    "duration true": ('{"audio_filepath": "a", "duration": true, "text": "x"}', "'duration' is True, not seconds"),
    "duration null": ('{"audio_filepath": "a", "duration": null, "text": "x"}', "'duration' is None, not seconds"),
    "negative": ('{"audio_filepath": "a", "duration": -0.5, "text": "x"}', "'duration' is -0.5"),
    "NaN": ('{"audio_filepath": "a", "duration": NaN, "text": "x"}', "'duration' is nan"),
    "a universe": ('{"audio_filepath": "a", "duration": 1e300, "text": "x"}', "'duration' is 1e+300"),
    "half a surrogate pair": ('{"audio_filepath": "a", "duration": 1, "text": "\\ud83d"}', "it holds half of a surrogate pair"),
    "infinite": ('{"audio_filepath": "a", "duration": 1e999, "text": "x"}', "'duration' is inf"),
    "400 digits": ('{"audio_filepath": "a", "duration": 1' + "0" * 400 + ', "text": "x"}', "'duration' is inf"),
    "5000 digits": ('{"audio_filepath": "a", "duration": 1' + "0" * 5000 + ', "text": "x"}', "it is not JSON"),
    "deep": ('{"audio_filepath": ' + "[" * 100_000, "it is not JSON"),
    "text as number": ('{"audio_filepath": "a", "duration": 1, "text": 5}', "'text' is 5, not a text"),
    "text null": ('{"audio_filepath": "a", "duration": 1, "text": null}', "'text' is None, not a text"),
}


@pytest.mark.parametrize(("line", "part"), WRONG.values(), ids=list(WRONG))
def test_wrong_line_is_named_with_its_number_and_reason(manifest: Path, line: str, part: str) -> None:
    manifest.write_text(f"{GOOD}\n\n{line}\n")
    assert f"has 1 wrong lines: line 3: {part}" in refusal(manifest)


def test_up_to_five_wrong_lines_are_named_and_the_rest_counted(manifest: Path) -> None:
    manifest.write_text("\n".join(["{", GOOD, "5", *["[]"] * 5]))
    message = refusal(manifest)
    assert "7 wrong lines" in message and "and 2 more" in message
    assert [number for number in range(1, 9) if f"line {number}:" in message] == [1, 3, 4, 5, 6]


def test_ids_that_stand_twice_are_named_with_both_lines(manifest: Path) -> None:
    manifest.write_text(f"{GOOD}\n{GOOD.replace('flac', 'wav')}\n")
    assert "line 2: the id 'a' stands in line 1 too" in refusal(manifest)


def test_missing_manifest_is_named_with_the_keys_of_the_recipe(manifest: Path) -> None:
    message = refusal(manifest)
    assert "There is no manifest" in message and "data.train" in message


@pytest.mark.parametrize("content", ["", "\n \r\n", "\ufeff"])
def test_empty_manifest_shows_how_a_line_looks(manifest: Path, content: str) -> None:
    manifest.write_text(content, encoding="utf-8")
    message = refusal(manifest)
    assert "is empty" in message and '"audio_filepath"' in message


def test_manifest_that_is_no_text_is_refused(manifest: Path) -> None:
    manifest.write_bytes(b"RIFF\xff\xfe\x00WAVE")
    assert "UTF-8" in refusal(manifest)


def test_folder_in_place_of_a_manifest_is_refused(tmp_path: Path) -> None:
    assert "cannot be read" in refusal(tmp_path)


def test_noise_needs_no_text(manifest: Path) -> None:
    manifest.write_text('{"audio_filepath": "n.wav", "duration": 1}\n')
    assert read_manifest(manifest, need_text=False)[0].text == ""
    assert "'text' is missing" in refusal(manifest)


def test_example_in_the_message_is_a_good_line(manifest: Path) -> None:
    manifest.write_text("")
    line = refusal(manifest).partition("like ")[2].rstrip(".")
    assert parse_line(line, manifest.parent) == Utterance("a.wav", manifest.parent / "a.wav", 1.5, "hello")
    assert json.loads(line)

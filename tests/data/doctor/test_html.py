from __future__ import annotations

import base64
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tympan.data import doctor
from tympan.data.doctor.histogram import histogram
from tympan.data.doctor.html import MAX_CLIPS

EVIL = '</td><script>alert(1)</script><img src=x onerror="alert(2)">\x1b[31m 9'


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes += attrs


@pytest.fixture
def report(tmp_path: Path) -> doctor.Report:
    lines = []
    for number in range(40):
        samples = np.random.default_rng(number).standard_normal(8_000) * 0.1 + 0.1  # an offset, so that each is a finding
        soundfile.write(tmp_path / f"{number}.wav", samples, 16_000)
        line = {"audio_filepath": f"{number}.wav", "duration": 0.5, "text": EVIL, "speaker": EVIL, "id": f"{EVIL}{number}"}
        lines.append(json.dumps(line))
    (tmp_path / "train.jsonl").write_text("\n".join(lines) + "\n<b>broken</b>\n")
    corpus = doctor.read([tmp_path / "train.jsonl"])
    corpus.recordings = doctor.measure([row.utterance.audio for row in corpus.rows], 1)
    return doctor.examine(corpus)


def test_nothing_that_strangers_wrote_becomes_markup(report: doctor.Report) -> None:
    tags = Tags()
    page = doctor.to_html(report)
    tags.feed(page)
    assert not tags.names & {"script", "img", "b\x1b"}
    assert not [name for name, _ in tags.attributes if name.startswith("on")]
    assert "\x1b" not in page
    assert "&lt;script&gt;alert(1)" in page, "it is shown, as text"


def test_the_page_loads_nothing_and_its_clips_can_be_played(report: doctor.Report) -> None:
    tags = Tags()
    tags.feed(doctor.to_html(report))
    links = [value or "" for name, value in tags.attributes if name in {"src", "href"}]
    clips = [link for link in links if link.startswith("data:audio/")]
    assert 0 < len(clips) <= MAX_CLIPS
    assert all(link.startswith(("data:audio/", "#D")) for link in links)
    assert base64.b64decode(clips[0].split(",", 1)[1])[:4] in (b"OggS", b"RIFF")
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'; media-src data:") in tags.attributes


def test_the_pictures_show_duration_pace_and_level(report: doctor.Report) -> None:
    titles = re.findall(r'<svg [^>]*aria-label="([^"]+)"', doctor.to_html(report))
    assert titles == ["duration", "characters per second", "level of the loudest 32 ms"]


def test_a_terminal_gets_no_control_characters(report: doctor.Report) -> None:
    assert not any("\x1b" in line for line in report.lines())
    assert any("\\u001b" in line for line in report.lines())


@pytest.mark.parametrize("values", [[1e9, 1e9 + 2e-7], [0.0, 5e-324], [3.0, 3.0]], ids=["large", "tiny", "equal"])
def test_numbers_that_differ_in_their_last_digits_are_drawn(values: list[float]) -> None:
    """The fuzzer's find: numpy cannot make forty bars of them."""
    assert "<rect" in histogram(np.array(values), "duration", "s")


def test_a_duration_of_next_to_nothing_is_no_rate(tmp_path: Path) -> None:
    """The fuzzer's find: its characters per second were more than a number holds."""
    manifest = tmp_path / "train.jsonl"
    manifest.write_text('{"audio_filepath": "a.wav", "duration": 5e-324, "text": "a b"}\n')
    report = doctor.examine(doctor.read([manifest]))
    assert "characters per second" in doctor.to_html(report)

"""Containers told by their first bytes."""

from __future__ import annotations

import io

import pytest

from tympan.audio.containers import Container, ogg_is_cut, recognise, wav_claimed_bytes


@pytest.mark.parametrize(
    ("head", "name", "library"),
    [
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "WAV", "sndfile"),
        (b"RIFF\x24\x00\x00\x00AVI LIST", "AVI", "av"),
        (b"fLaC\x00\x00\x00\x22", "FLAC", "sndfile"),
        (b"OggS\x00\x02", "Ogg", "sndfile"),
        (b"ID3\x04\x00", "MP3", "sndfile"),
        (b"\xff\xfb\x90\x64", "MP3", "sndfile"),
        (b"\xff\xf3\x88\xc4", "MP3", "sndfile"),
        (b"\xff\xf1\x50\x80", "AAC", "av"),
        (b"\x00\x00\x00\x1cftypM4A \x00\x00\x02\x00", "AAC", "av"),
        (b"\x00\x00\x00\x1cftypM4A \x00\x00\x02\x00" + b"stsd....alac", "Apple Lossless (MP4)", "av"),
        (b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00", "MP4", "av"),
        (b"\x00\x00\x00\x14ftypqt  \x00\x00\x02\x00", "QuickTime", "av"),
        (b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\x82\x84webm", "WebM", "av"),
        (b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\x82\x88matroska", "Matroska", "av"),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9", "WMA or WMV", "av"),
        (b"\x47" + bytes(187) + b"\x47" + bytes(187), "MPEG transport stream", "av"),
    ],
)
def test_a_container_is_known_by_its_first_bytes(head, name, library):
    assert recognise(head) == Container(name, library)


@pytest.mark.parametrize(
    "head", [b"", b"R", b"hello, this is text", b"#EXTM3U\n", b"ffconcat version 1.0\n", b"\xff\xfet\x00", b"\xff\xd8\xff\xe0"]
)
def test_text_and_playlists_are_no_container(head):
    assert recognise(head) is None


def test_the_size_of_wav_data_is_found_behind_other_chunks():
    fmt = b"fmt " + (16).to_bytes(4, "little") + bytes(16)
    odd = b"LIST" + (3).to_bytes(4, "little") + b"abc\x00"  # chunks are padded to even sizes
    wav = b"RIFF\x00\x00\x00\x00WAVE" + fmt + odd + b"data" + (500).to_bytes(4, "little")
    assert wav_claimed_bytes(io.BytesIO(wav)) == 500
    assert wav_claimed_bytes(io.BytesIO(wav[:-8])) is None
    assert wav_claimed_bytes(io.BytesIO(b"fLaC")) is None


def test_an_ogg_ends_with_the_end_of_stream_flag():
    page = b"OggS\x00%c" + bytes(100)
    assert not ogg_is_cut(io.BytesIO(page % 2 + page % 4))
    assert ogg_is_cut(io.BytesIO(page % 2 + page % 0))
    assert ogg_is_cut(io.BytesIO(page % 2 + b"OggS"))

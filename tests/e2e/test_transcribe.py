"""`tympan transcribe` on what people really give it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from strategies import Run
from tympan import audio

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = sorted((ROOT / "samples").glob("*.opus"))


@pytest.fixture(scope="module")
def odd_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of recordings that are none, or unusual."""
    folder = tmp_path_factory.mktemp("odd")
    rng = np.random.default_rng(0)
    (folder / "empty.wav").touch()
    (folder / "text.wav").write_text("these are words, not sounds\n")
    soundfile.write(folder / "short.wav", 0.1 * rng.standard_normal(160), 16000)
    soundfile.write(folder / "three.wav", 0.05 * rng.standard_normal((96000, 3)), 96000, subtype="FLOAT")
    holed = np.zeros(16000, dtype=np.float32)
    holed[800] = np.nan
    soundfile.write(folder / "nan.wav", holed, 16000, subtype="FLOAT")
    return folder


def test_each_odd_file_is_answered_and_the_others_are_transcribed(tympan: Run, odd_files: Path) -> None:
    names = ["empty.wav", "text.wav", "short.wav", "three.wav", "missing.wav", "nan.wav"]
    result = tympan("transcribe", *(odd_files / name for name in names), SAMPLES[0])
    assert result.returncode == 2
    *complaints, closing = [line for line in result.stderr.splitlines() if line]
    assert len(complaints) == 4, result.stderr
    assert closing == "tympan: 4 of 7 recordings could not be transcribed."
    for name, part in (("empty.wav", "empty"), ("text.wav", "not audio"), ("missing.wav", "no such file"), ("nan.wav", "NaN")):
        assert any(name in line and part in line for line in complaints), (name, complaints)
    lines = dict(line.split(": ", 1) if ": " in line else (line.rstrip(":"), "") for line in result.stdout.splitlines())
    assert [Path(name).name for name in lines] == ["short.wav", "three.wav", SAMPLES[0].name]
    assert lines[str(SAMPLES[0])]


@pytest.mark.parametrize("format", ["txt", "json", "srt", "vtt", "tsv", "ctm"])
def test_every_format_is_written_beside_the_others(tympan: Run, tmp_path: Path, format: str) -> None:
    result = tympan("transcribe", *SAMPLES[:2], "--format", format, "-o", tmp_path)
    assert result.returncode == 0, result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{path.stem}.{format}" for path in SAMPLES[:2]]
    assert all(path.stat().st_size > 20 for path in tmp_path.iterdir())


def test_words_have_times_within_the_file_and_confidences(tympan: Run) -> None:
    transcript = json.loads(tympan("transcribe", SAMPLES[0], "--format", "json").stdout)
    words = [word for segment in transcript["segments"] for word in segment["words"]]
    assert " ".join(word["text"] for word in words) == transcript["text"]
    edges = [time for word in words for time in (word["start"], word["end"])]
    assert edges == sorted(edges)
    assert edges[0] >= 0
    assert edges[-1] <= transcript["duration"] == pytest.approx(soundfile.info(SAMPLES[0]).duration, abs=0.01)
    assert all(word["start"] < word["end"] and 0 <= word["confidence"] <= 1 for word in words)


def test_unknown_model_is_told_with_those_inside(tympan: Run) -> None:
    result = tympan("transcribe", SAMPLES[0], "--model", "klingon")
    assert result.returncode == 2
    assert "klingon" in result.stderr
    assert "english" in result.stderr


def test_bundle_with_one_changed_byte_is_refused(tympan: Run, trained: Path, tmp_path: Path) -> None:
    data = bytearray((trained / "model.tympan").read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "altered.tympan").write_bytes(data)
    result = tympan("transcribe", SAMPLES[0], "--model", tmp_path / "altered.tympan")
    assert result.returncode == 2
    assert "altered" in result.stderr
    assert "Traceback" not in result.stderr


def concatenate(corpus: Path, copies: int) -> tuple[np.ndarray, str]:
    """All test utterances of one speaker behind each other, `copies` times, with pauses, and their text."""
    rows = [json.loads(line) for line in (corpus / "test.jsonl").read_text().splitlines()]
    rows = [row for row in rows if row["speaker"] == rows[0]["speaker"]]
    pause = np.zeros(6000, dtype=np.float32)
    parts = [part for row in rows for part in (soundfile.read(corpus / row["audio_filepath"], dtype="float32")[0], pause)]
    return np.concatenate(parts * copies), " ".join([row["text"] for row in rows] * copies)


def test_no_word_is_lost_or_doubled_at_the_seams_of_a_long_file(trained: Path, corpus: Path) -> None:
    """The pieces are the recording, every seam lies in a pause, and the text is that of the pieces.

    The toy knows clips of five seconds and mishears some words in pieces of twenty, so its text is only counted.
    """
    import tympan

    samples, text = concatenate(corpus, 8)
    recognizer = tympan.load(trained / "model.tympan")
    pieces = list(recognizer.pieces(samples, 16000))
    assert len(pieces) > 8
    np.testing.assert_array_equal(np.concatenate([piece.samples for piece in pieces]), samples)
    loudness = np.sqrt(np.mean(samples**2))
    for piece in pieces[1:]:
        seam = round(piece.start_s * 16000)
        assert np.sqrt(np.mean(samples[seam - 480 : seam + 480] ** 2)) < 0.1 * loudness, "a seam in a word"
    transcript = recognizer.transcribe(samples, 16000)
    assert transcript.text == " ".join(alone for piece in pieces if (alone := recognizer.transcribe(piece.samples, 16000).text))
    assert len(transcript.words) == pytest.approx(len(text.split()), rel=0.1)


# VmHWM and not getrusage: the latter's peak counts the parent's memory at the fork.
MEASURE = """
import re, sys, tympan
tympan.load(sys.argv[1], threads=1).transcribe(sys.argv[2])
print(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak memory is read from Linux' /proc")
def test_an_hour_takes_the_memory_of_five_minutes(trained: Path, corpus: Path, tmp_path: Path) -> None:
    samples, _ = concatenate(corpus, 1)
    peaks = []
    for minutes in (5, 60):
        path = tmp_path / f"{minutes}.wav"
        soundfile.write(path, np.resize(samples, minutes * 60 * 16000), 16000)
        command = [sys.executable, "-c", MEASURE, str(trained / "model.tympan"), str(path)]
        peaks.append(int(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
    assert peaks[1] < 1.1 * peaks[0]


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak memory is read from Linux' /proc")
def test_an_hour_takes_the_memory_of_five_minutes_with_the_model_inside_too(tmp_path: Path) -> None:
    """That one searches with a scorer, and the recording is real speech."""
    clips = [soundfile.read(path, dtype="float32")[0] for path in SAMPLES]
    rate = soundfile.info(SAMPLES[0]).samplerate
    peaks = []
    for minutes in (5, 60):
        path = tmp_path / f"{minutes}.wav"
        with soundfile.SoundFile(path, "w", rate, 1, "PCM_16") as file:
            while file.tell() < minutes * 60 * rate:
                for clip in clips:
                    file.write(clip)
        command = [sys.executable, "-c", MEASURE, "english", str(path)]
        peaks.append(int(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
    assert peaks[1] < 1.1 * peaks[0]


@pytest.mark.parametrize("kind", ["silence", "faint noise", "white noise", "tone", "chord"])
def test_nothing_is_invented_where_nobody_speaks(kind: str) -> None:
    import tympan

    rng = np.random.default_rng(1)
    times = np.arange(80000) / 16000
    sounds = {
        "silence": np.zeros(80000),
        "faint noise": 1e-4 * rng.standard_normal(80000),
        "white noise": 0.1 * rng.standard_normal(80000),
        "tone": 0.3 * np.sin(2 * np.pi * 440 * times),
        "chord": 0.1 * sum(np.sin(2 * np.pi * pitch * times) for pitch in (261.6, 329.6, 392.0)),
    }
    assert tympan.load("english").transcribe(sounds[kind].astype(np.float32)).text == ""


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_silence_that_fills_up_the_end_changes_no_word(sample: Path) -> None:
    """With the longest one the recording is cut, so that one piece is nothing but silence."""
    import tympan

    recognizer = tympan.load("english", threads=1)
    samples = audio.read(sample)
    alone = recognizer.transcribe(samples)
    for seconds in (0.01, 0.3, 2.0, 30.0):
        padded = recognizer.transcribe(np.concatenate([samples, np.zeros(round(seconds * 16000), np.float32)]))
        assert padded.text == alone.text, seconds
        assert [word.start for word in padded.words] == [word.start for word in alone.words]


def test_times_count_from_the_beginning_of_the_recording_across_pieces() -> None:
    """A clip that stands alone in its piece has the times that it has alone, and the piece's start."""
    import tympan

    recognizer = tympan.load("english", threads=1)
    clip, gap = audio.read(SAMPLES[1]), np.zeros(16 * 16000, np.float32)
    alone = recognizer.transcribe(clip).words
    transcript = recognizer.transcribe(np.concatenate([clip, gap] * 3))
    assert transcript.duration == pytest.approx(3 * (len(clip) / 16000 + 16))
    assert len(list(recognizer.pieces(np.concatenate([clip, gap] * 3), 16000))) > 3
    heard = [segment.words for segment in transcript.segments]
    assert [len(words) for words in heard] == [len(alone)] * 3
    for copy, words in enumerate(heard):
        start = copy * (len(clip) / 16000 + 16)
        # Leading silence moves the network's frames by up to one and a half of them.
        assert [word.start - start for word in words] == pytest.approx([word.start for word in alone], abs=0.1)


def test_import_needs_no_torch_at_any_step_of_transcribing(trained: Path) -> None:
    program = (
        "import sys, tympan; "
        f"tympan.load({str(trained / 'model.tympan')!r}).transcribe({str(SAMPLES[0])!r}); "
        "sys.exit(any(name in sys.modules for name in ('torch', 'lightning', 'onnx', 'yaml')))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0

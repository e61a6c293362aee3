"""Writes the files that the fuzz targets begin with: python fuzz/seeds.py FOLDER -> FOLDER/arpa, FOLDER/audio and so on."""

from __future__ import annotations

import gzip
import io
import json
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import soundfile

from tympan.lm import NGram, Scorer
from tympan.lm.scorer import HEADER, LEXICON
from tympan.lm.scorer import NGRAM as NGRAM_MEMBER
from tympan.recognizer import Recognizer
from tympan.tokens import TokenTable

TESTS = Path(__file__).resolve().parent.parent / "tests"
DATA = TESTS / "lm" / "data"
PARTS = (HEADER, LEXICON, NGRAM_MEMBER)  # what fuzz_scorer.py replaces, by the first byte of its input
BUNDLE_WAYS = ("whole", "header", "edits", "graph", "card", "scorer")  # what fuzz_bundle.py makes of the rest, by the first byte
DOORS = ("/v1/listen", "/vosk", "wyoming")  # of fuzz_messages.py, by the first byte
SEPARATOR, TEXT = b"\xff\xfe\xff", b"\xfd"  # between messages, and before a text: no UTF-8 holds them
SMALL = """\\data\\
ngram 1=5
ngram 2=2

\\1-grams:
-2\t<unk>
-99\t<s>\t-0.3
-0.9\t</s>
-0.6\ta\t-0.2
-0.8\tab

\\2-grams:
-0.4\t<s> ab
-0.3\ta </s>

\\end\\
"""
UTTERANCES = (
    {"audio_filepath": "a.wav", "duration": 1.5, "text": "hello there", "speaker": "ann", "id": "a"},
    {"audio_filepath": "clips/b.flac", "duration": 2, "text": "good  morning", "speaker": "bob", "id": "b", "offset": 0.5},
    {"audio_filepath": "a.wav", "duration": 0.75, "text": "hello there", "id": 3},
    {"audio_filepath": "shard-0.tar/c.wav", "duration": 30.0, "text": "it was 12 o'clock", "speaker": "ann"},
)
FORMATS = {
    "WAV": ("PCM_16", "FLOAT", "ULAW", "IMA_ADPCM"),
    "WAVEX": ("PCM_24",),
    "RF64": ("PCM_16",),
    "W64": ("PCM_16",),
    "AIFF": ("PCM_16",),
    "AU": ("PCM_16",),
    "CAF": ("PCM_16", "ALAC_16"),
    "FLAC": ("PCM_16",),
    "OGG": ("VORBIS", "OPUS"),
    "MP3": ("MPEG_LAYER_III",),
}
FILMS = {
    "m4a": ("ipod", "aac"),
    "webm": ("webm", "libopus"),
    "mkv": ("matroska", "flac"),
    "aac": ("adts", "aac"),
    "avi": ("avi", "pcm_s16le"),
}


def write_seeds(folder: Path) -> None:
    """Small files of every form: what fuzzing costs goes with their size."""
    for name in ("arpa", "audio", "bundle", "manifest", "messages", "ngram", "scorer"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "arpa" / "small").write_text(SMALL)
    (folder / "arpa" / "order4").write_bytes(gzip.decompress((DATA / "small-o4.arpa.gz").read_bytes()))
    for path in DATA.glob("small-o4.*.klm.gz"):
        (folder / "ngram" / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
    models = {name: NGram.from_arpa(folder / "arpa" / name) for name in ("small", "order4")}
    for name, model in models.items():
        for bits in (8, 16, 32):
            model.save(folder / "ngram" / f"{name}.{bits}.bin", bits=bits)
    write_scorer_seeds(folder / "scorer", models["small"])
    write_audio_seeds(folder / "audio")
    write_bundle_seeds(folder / "bundle")
    write_manifest_seeds(folder / "manifest")
    write_message_seeds(folder / "messages")


def write_scorer_seeds(folder: Path, model: NGram) -> None:
    """A whole scorer, and each of its members alone."""
    tables = {
        "characters": (TokenTable(("<blank>", " ", "a", "b")), {"a": [["a"]], "ab": [["a", "b"]], "bb": [["b", "b"], ["b"]]}),
        "phones": (TokenTable(("<blank>", "AA", "B"), "phones"), {"a": [["AA"]], "ab": [["AA", "B"], ["B"]]}),
    }
    for kind, (table, lexicon) in tables.items():
        with tempfile.TemporaryDirectory() as temporary:
            path = Path(temporary) / "seed.scorer"
            Scorer.make(model, table, lexicon).save(path)
            (folder / f"{kind}.whole").write_bytes(bytes([len(PARTS)]) + path.read_bytes())
            with zipfile.ZipFile(path) as archive:
                for number, part in enumerate(PARTS):
                    (folder / f"{kind}.{part}").write_bytes(bytes([number]) + archive.read(part))


def write_audio_seeds(folder: Path) -> None:
    """A twentieth of a second in every form that is read, each for the ways of fuzz_audio.py that may take it."""
    samples = (0.3 * np.sin(np.arange(800) / 8)).astype(np.float32)
    recordings = {}
    for form, codings in FORMATS.items():
        for coding in codings:
            file = io.BytesIO()
            soundfile.write(file, np.stack([samples, -samples], axis=1) if coding == "PCM_24" else samples, 16_000, coding, format=form)
            recordings[f"{form}.{coding}".lower()] = file.getvalue()
    recordings |= {f"film.{name}": film(samples, *kind) for name, kind in FILMS.items()}
    for name, data in recordings.items():
        ways = [0] + ([1] if name.startswith("wav") else []) + ([2] if name in ("ogg.opus", "ogg.vorbis", "film.webm") else [])
        for way in ways:
            (folder / f"{name}.{way}").write_bytes(bytes([way]) + data)


def film(samples: np.ndarray, form: str, coding: str) -> bytes:
    """Samples at 48 kHz in a container of FFmpeg's."""
    import av

    file = io.BytesIO()
    with av.open(file, "w", format=form) as container:
        stream = container.add_stream(coding, rate=48_000, layout="mono")
        integers = np.repeat((samples * 32767).astype(np.int16), 3)[None]
        frame = av.AudioFrame.from_ndarray(integers, format="s16", layout="mono")
        frame.sample_rate = 48_000
        fifo = av.AudioResampler(
            format=stream.codec_context.format, layout="mono", rate=48_000, frame_size=stream.codec_context.frame_size or 960
        )
        for part in (*fifo.resample(frame), *fifo.resample(None), None):
            container.mux(stream.encode(part))
    return file.getvalue()


def tests_on_path() -> None:
    """The models of tones are those of the tests."""
    if str(TESTS) not in sys.path:
        sys.path.insert(0, str(TESTS))


def bundle_members(folder: Path, chunked: bool) -> dict[str, bytes]:
    """Of a small whole bundle with a scorer and a card: a network of tones."""
    tests_on_path()
    from dataclasses import replace

    from streams import SYMBOLS, TABLE, WORDS
    from toy_models import make_bundle, make_scorer

    path = folder / "good.tympan"
    bundle = make_bundle(path, SYMBOLS, chunked=chunked)
    make_scorer(folder / "words.scorer", TABLE, {word: [] for word in WORDS})
    scorer = folder / "words.scorer"
    replace(bundle, card="# Tones\n", scorer=(scorer, 0, scorer.stat().st_size)).write(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    for used in (path, scorer, scorer.with_suffix(".arpa")):
        used.unlink()
    return members


def write_bundle_seeds(folder: Path) -> None:
    """A whole bundle, its members alone, and some edits."""
    for chunked in (False, True):
        with tempfile.TemporaryDirectory() as temporary:
            members = bundle_members(Path(temporary), chunked)
        whole = io.BytesIO()
        with zipfile.ZipFile(whole, "w") as archive:
            for name, member in members.items():
                archive.writestr(name, member)
        inputs = {"whole": whole.getvalue(), "header": members["bundle.json"], "edits": bytes(16), "graph": members["model.onnx"]}
        inputs |= {"card": members["README.md"], "scorer": members["model.scorer"]}
        for number, way in enumerate(BUNDLE_WAYS):
            first = number + (len(BUNDLE_WAYS) if chunked else 0)
            (folder / f"{way}.{'chunks' if chunked else 'utterances'}").write_bytes(bytes([first]) + inputs[way])


def write_manifest_seeds(folder: Path) -> None:
    """A whole one, one with byte-order marks and other line ends, and edits of it."""
    lines = [json.dumps(fields).encode() for fields in UTTERANCES]
    (folder / "plain").write_bytes(b"\x01" + b"\n".join(lines) + b"\n")
    (folder / "marks").write_bytes(b"\x01\xef\xbb\xbf" + b"\r\n\xef\xbb\xbf".join(lines))
    (folder / "edits").write_bytes(bytes(33))


def recognizer_of_tones(folder: Path) -> Recognizer:
    """Small and quick, with a search over six words."""
    tests_on_path()
    from streams import recognizer_of

    return recognizer_of(folder)


def write_message_seeds(folder: Path) -> None:
    """Talks that clients have."""
    tests_on_path()
    from wyoming.audio import AudioChunk, AudioStart, AudioStop
    from wyoming.event import Event

    from streams import said

    sound = (said(0.1, "bad", 0.2) * 32767).astype("<i2").tobytes()
    starts = [
        {"type": "start", "sample_rate": 16_000, "encoding": "s16le", "endpoint_ms": 100, "hotwords": {"bad": 3.0}},
        {"type": "start", "sample_rate": 8_000, "encoding": "f32le", "words": False, "partials": False, "chunk_ms": 80, "model": "tones"},
        {"type": "start", "encoding": "opus", "stable_ms": 0, "max_piece_s": 2, "hotwords": ["cab", "a bad egg"]},
    ]
    ends = [{"type": "flush"}, {"type": "keepalive"}, {"type": "finish"}]
    for number, start in enumerate(starts):
        (folder / f"listen.{number}").write_bytes(b"\x00" + talk(start, sound[:4000], sound[4000:9001], *ends))
    config = {"config": {"sample_rate": 16_000, "words": True, "phrase_list": ["bad egg", "[unk]"]}}
    (folder / "vosk").write_bytes(b"\x01" + talk(config, sound[:8000], {"reset": 1}, sound[8000:], {"eof": 1}))
    chunk = AudioChunk(16_000, 2, 1, sound).event()
    events = [Event("describe"), Event("transcribe", {"name": "tones", "language": "en"}), AudioStart(16_000, 2, 1).event(), chunk]
    events += [AudioStop().event(), Event("ping", {"text": "a"}), Event("unknown", {"a": [1]}, b"payload")]
    (folder / "wyoming").write_bytes(b"\x02" + b"".join(map(wire, events)))


def talk(*messages: object) -> bytes:
    """Texts from objects, and bytes as they are."""
    return SEPARATOR.join(message if isinstance(message, bytes) else TEXT + json.dumps(message).encode() for message in messages)


def wire(event: object) -> bytes:
    """A Wyoming event as it is sent."""
    from wyoming.event import write_event

    file = io.BytesIO()
    write_event(event, file)  # type: ignore[arg-type]
    return file.getvalue()


if __name__ == "__main__":
    write_seeds(Path(sys.argv[1]))

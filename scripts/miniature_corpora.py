"""Make tiny corpora in the true layouts of the large ones, as folders and as the archives that their publishers offer.

For tests and for trying commands: the same names, lists and nesting as the originals, tunes instead of speech. The doctor finds
nothing in them: each tune is another one, as long as its text needs.

    python scripts/miniature_corpora.py folders out/     # out/kaldi, out/librispeech, ...
    python scripts/miniature_corpora.py archives out/    # out/dev-clean.tar.gz, out/LJSpeech-1.1.tar.bz2, ...
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

SAMPLE_RATE = 16_000
SECONDS = 1.2
LONG_SECONDS = 3.0  # of a recording that holds two utterances, from these seconds on
STARTS = (0.1, 1.5)
TONES_A_SECOND = 10
SPEAKERS = ("1001", "1002", "1003", "1004", "1005", "1006")
NAMES = ("anna", "bert", "clara", "david", "emma", "frank")
TEXTS = ("how are you", "fine thank you")


@dataclass(frozen=True)
class Said:
    """One utterance that a miniature holds."""

    name: str
    speaker: str
    text: str


def sentences() -> list[Said]:
    """Two utterances of each speaker, named SPEAKER-CHAPTER-NUMBER as in LibriSpeech."""
    people = zip(SPEAKERS, NAMES, strict=True)
    return [Said(f"{speaker}-7-{i:04d}", speaker, f"{text} {name}") for speaker, name in people for i, text in enumerate(TEXTS)]


def tune(path: Path, seconds: float = SECONDS) -> None:
    """Write a tune that is drawn by the file's name; the format is the suffix's."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(zlib.crc32(path.stem.encode()))
    hertz = np.repeat(rng.uniform(150, 3000, round(seconds * TONES_A_SECOND)), SAMPLE_RATE // TONES_A_SECOND)
    samples = 0.3 * np.sin(2 * np.pi * np.cumsum(hertz) / SAMPLE_RATE)
    soundfile.write(path, samples.astype(np.float32), SAMPLE_RATE)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def nemo(folder: Path) -> None:
    rows = []
    for said in sentences():
        tune(folder / "clips" / f"{said.name}.wav")
        row = {"audio_filepath": f"clips/{said.name}.wav", "duration": 9.9, "text": said.text, "speaker": said.speaker, "id": said.name}
        rows.append(json.dumps(row))
    write(folder / "all.jsonl", "\n".join(rows))


def deepspeech(folder: Path) -> None:
    """DeepSpeech's importers give no speakers."""
    lines = ["wav_filename,wav_filesize,transcript"]
    for said in sentences():
        tune(folder / "clips" / f"{said.name}.wav")
        lines.append(f'clips/{said.name}.wav,{round(2 * SECONDS * SAMPLE_RATE) + 44},"{said.text}"')
    write(folder / "all.csv", "\n".join(lines) + "\n")


def common_voice(folder: Path, home: str = "cv-corpus-17.0-2024-03-15/en") -> None:
    columns = ("client_id", "path", "sentence_id", "sentence", "sentence_domain", "up_votes", "down_votes", "age", "gender", "locale")
    tables: dict[str, list[str]] = {name: ["\t".join(columns)] for name in ("train", "dev", "test", "validated")}
    for said in sentences():
        tune(folder / home / "clips" / f"{said.name}.mp3")
        row = "\t".join((said.speaker, f"{said.name}.mp3", "5c1", said.text, "", "2", "0", "", "", "en"))
        tables["validated"].append(row)
        tables["test" if said.speaker == SPEAKERS[-1] else "dev" if said.speaker == SPEAKERS[-2] else "train"].append(row)
    for name, lines in tables.items():
        write(folder / home / f"{name}.tsv", "\n".join(lines) + "\n")


def kaldi(folder: Path) -> None:
    """One recording a speaker, cut by segments."""
    lists: dict[str, list[str]] = {"wav.scp": [], "text": [], "utt2spk": [], "segments": []}
    for speaker in SPEAKERS:
        tune(folder / "audio" / f"{speaker}.wav", LONG_SECONDS)
        lists["wav.scp"].append(f"rec-{speaker} audio/{speaker}.wav")
    for said in sentences():
        start = STARTS[int(said.name[-1])]
        lists["segments"].append(f"{said.name} rec-{said.speaker} {start:.2f} {start + SECONDS:.2f}")
        lists["text"].append(f"{said.name} {said.text}")
        lists["utt2spk"].append(f"{said.name} {said.speaker}")
    for name, lines in lists.items():
        write(folder / name, "\n".join(lines) + "\n")


def librispeech(folder: Path, part: str = "dev-clean") -> None:
    for speaker in SPEAKERS:
        home = folder / "LibriSpeech" / part / speaker / "7"
        mine = [said for said in sentences() if said.speaker == speaker]
        write(home / f"{speaker}-7.trans.txt", "".join(f"{said.name} {said.text.upper()}\n" for said in mine))
        for said in mine:
            tune(home / f"{said.name}.flac")
    write(folder / "LibriSpeech" / "README.TXT", "A miniature.\n")


def ljspeech(folder: Path) -> None:
    home = folder / "LJSpeech-1.1"
    for said in sentences():
        tune(home / "wavs" / f"{said.name}.wav")
    write(home / "metadata.csv", "".join(f"{said.name}|{said.text.title()}, 1|{said.text}\n" for said in sentences()))


def pairs(folder: Path) -> None:
    for said in sentences():
        tune(folder / said.speaker / f"{said.name}.ogg")
        write(folder / said.speaker / f"{said.name}.txt", f"\ufeff{said.text}\r\n")


def lhotse(folder: Path) -> None:
    """Two cuts a recording; the supervision begins where its cut does."""
    lines = []
    for speaker in SPEAKERS:
        tune(folder / "audio" / f"{speaker}.flac", LONG_SECONDS)
    for said in sentences():
        path = f"audio/{said.speaker}.flac"
        supervision = {"id": said.name, "recording_id": said.speaker, "start": 0.0, "duration": SECONDS, "channel": 0, "text": said.text}
        source = {"type": "file", "channels": [0], "source": path}
        length = {"sampling_rate": SAMPLE_RATE, "num_samples": round(LONG_SECONDS * SAMPLE_RATE), "duration": LONG_SECONDS}
        recording = {"id": said.speaker, "sources": [source], **length}
        start = STARTS[int(said.name[-1])]
        place = {"id": f"cut-{said.name}", "start": start, "duration": SECONDS, "channel": 0}
        cut = {**place, "supervisions": [{**supervision, "speaker": said.speaker}], "recording": recording, "type": "MonoCut"}
        lines.append(json.dumps(cut))
    (folder / "cuts.jsonl.gz").write_bytes(gzip.compress("\n".join(lines).encode(), mtime=0))


def hugging_face(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "metadata.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(("file_name", "transcription", "speaker_id"))
        for said in sentences():
            tune(folder / "data" / f"{said.name}.flac")
            table.writerow((f"data/{said.name}.flac", said.text, said.speaker))


def voxforge(folder: Path) -> None:
    for speaker in SPEAKERS:
        session = folder / f"{speaker}-20080511-aby"
        mine = [said for said in sentences() if said.speaker == speaker]
        write(session / "etc" / "PROMPTS", "".join(f"{session.name}/mfc/{said.name} {said.text.upper()}\n" for said in mine))
        for said in mine:
            tune(session / "wav" / f"{said.name}.wav")


def yesno(folder: Path, recordings: int = 12) -> None:
    for number in range(recordings):
        tune(folder / "waves_yesno" / f"{'_'.join(format(37 * number % 256, '08b'))}.wav")
    write(folder / "waves_yesno" / "README", "A miniature.\n")


def speechocean762(folder: Path) -> None:
    home = folder / "speechocean762"
    for part, speakers in (("train", SPEAKERS[:3]), ("test", SPEAKERS[3:])):
        mine = [said for said in sentences() if said.speaker in speakers]
        for said in mine:
            tune(home / "WAVE" / f"SPEAKER{said.speaker}" / f"{said.name}.WAV")
        write(home / part / "wav.scp", "".join(f"{said.name}\tWAVE/SPEAKER{said.speaker}/{said.name}.WAV\n" for said in mine))
        write(home / part / "text", "".join(f"{said.name}\t{said.text.upper()}\n" for said in mine))
        write(home / part / "utt2spk", "".join(f"{said.name}\t{said.speaker}\n" for said in mine))


FOLDERS: dict[str, Callable[[Path], None]] = {
    "common-voice": common_voice,
    "csv": deepspeech,
    "hugging-face": hugging_face,
    "kaldi": kaldi,
    "lhotse": lhotse,
    "librispeech": librispeech,
    "ljspeech": ljspeech,
    "nemo": nemo,
    "pairs": pairs,
    "voxforge": voxforge,
    "yesno": yesno,
}
ARCHIVES: dict[str, Callable[[Path], None]] = {
    "LJSpeech-1.1.tar.bz2": ljspeech,
    "cv-corpus-17.0-2024-03-15-en.tar.gz": common_voice,
    "dev-clean.tar.gz": librispeech,
    "speechocean762.tar.gz": speechocean762,
    "test-clean.tar.gz": lambda folder: librispeech(folder, "test-clean"),
    "waves_yesno.tar.gz": yesno,
}


def make_archive(name: str, folder: Path) -> Path:
    """Write one of ARCHIVES into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        ARCHIVES[name](Path(temporary))
        packing = "w:bz2" if name.endswith("bz2") else "w:gz"
        with tarfile.open(folder / name, packing) as archive:  # type: ignore[call-overload]
            for path in sorted(Path(temporary).iterdir()):
                archive.add(path, path.name)
    return folder / name


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("folders", "archives"))
    parser.add_argument("output", type=Path)
    arguments = parser.parse_args()
    if arguments.what == "archives":
        for name in ARCHIVES:
            print(make_archive(name, arguments.output))
        return
    for name, make in FOLDERS.items():
        shutil.rmtree(arguments.output / name, ignore_errors=True)
        make(arguments.output / name)
        print(arguments.output / name)


if __name__ == "__main__":
    main()

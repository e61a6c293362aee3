"""The classic way: Gaussian mixtures and hidden Markov models, a pronouncing dictionary and an n-gram, by the library pocketsphinx.

Its wheel brings a model of American English: 16 kHz, 5,126 tied states, CMUdict's words and a trigram.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from tympan import audio
from tympan.errors import TympanError
from tympan.extras import require
from tympan.systems.system import SystemFiles
from tympan.transcript import Segment, Transcript, Word

FILLER = re.compile(r"<.*>|\[.*\]|\+\+.*\+\+")  # <s>, <sil>, [NOISE], ++UM++: no words
VARIANT = re.compile(r"\(\d+\)$")  # tomato(2): the second pronunciation
PACKED = (".gz", ".bz2", ".z", ".xz")
OPTIONS = {"lm": "lm", "dictionary": "dict", "acoustic": "hmm"}


class PocketSphinx:
    """A recogniser of pocketsphinx. For one thread at a time.

    Each recording is one utterance, and its cepstra are normalised by their own mean (cmn=batch, as `pocketsphinx_batch` does), so
    that a transcript does not depend on the recordings before. All other options are the library's own.

    Args:
        files: ARPA file or binary of pocketsphinx; dictionary in CMUdict's form; folder of an acoustic model. Not packed.

    Raises:
        MissingExtraError: the library is not installed.
        TympanError: a file is not there, is packed, or pocketsphinx refuses it.
    """

    def __init__(self, files: SystemFiles | None = None) -> None:
        given = (files or SystemFiles()).given()
        for name, path in given.items():
            check(name, path)
        require("classic", "The system pocketsphinx")
        import pocketsphinx

        options = {OPTIONS[name]: str(path) for name, path in given.items()}
        try:
            self.decoder = pocketsphinx.Decoder(cmn="batch", loglevel="FATAL", **options)
        except (RuntimeError, ValueError, KeyError) as error:
            raise TympanError(
                f"pocketsphinx refuses {', '.join(str(path) for path in given.values()) or 'its own model'} ({error}).",
                "The dictionary must be in the phones of the acoustic model, and a language model in ARPA's or its own form.",
            ) from None
        self.sample_rate = int(self.decoder.config["samprate"])
        self.frames_per_second = int(self.decoder.config["frate"])

    def transcribe(self, source: Any, sample_rate: int | None = None) -> Transcript:
        """Transcribe a recording; times in seconds, a word's confidence is its posterior in the word lattice.

        Raises:
            AudioError: the recording cannot be read.
        """
        samples = audio.read(source, self.sample_rate, source_rate=sample_rate)
        duration = len(samples) / self.sample_rate
        words = self.words(np.round(np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes(), duration)
        segments = (Segment(" ".join(word.text for word in words), words[0].start, words[-1].end, words),) if words else ()
        return Transcript(segments[0].text if segments else "", segments, duration, None)

    def words(self, sound: bytes, duration: float) -> tuple[Word, ...]:
        """The words in 16-bit samples."""
        if not sound:  # the library takes no empty utterance
            return ()
        self.decoder.reinit_feat()  # forget what it estimated of the recording before
        self.decoder.start_utt()
        self.decoder.process_raw(sound, full_utt=True)
        self.decoder.end_utt()
        if self.decoder.hyp() is None:
            return ()
        return tuple(self.word(found, duration) for found in self.decoder.seg() if not FILLER.fullmatch(found.word))

    def word(self, found: Any, duration: float) -> Word:
        """A segment of the library as a word; its last frame belongs to it."""
        start, end = (min(frame / self.frames_per_second, duration) for frame in (found.start_frame, found.end_frame + 1))
        return Word(VARIANT.sub("", found.word), start, end, min(1.0, max(0.0, float(found.prob))))

    def search_settings(self) -> dict[str, Any]:
        """The files, by name only, and the weights of the search."""
        config = self.decoder.config
        names = {option: Path(config[option]).name for option in OPTIONS.values()}
        return {"decoder": "pocketsphinx", **names, "lw": float(config["lw"]), "cmn": config["cmn"]}

    def describe_search(self) -> str:
        """The same in a line."""
        settings = self.search_settings()
        files = f"{settings['hmm']}, dictionary {settings['dict']}, language model {settings['lm']}"
        return f"pocketsphinx {files}, language weight {settings['lw']:g}"


def check(name: str, path: Path) -> None:
    """TympanError if a file or folder cannot be given to the library, which would say less."""
    if path.suffix.lower() in PACKED:  # it would start a program to unpack it
        raise TympanError(f"{path} is packed, and pocketsphinx gets plain files only.", "Unpack it.")
    if not (path.is_dir() if name == "acoustic" else path.is_file()):
        kind = "folder" if name == "acoustic" else "file"
        raise TympanError(f"There is no {kind} {path} for --{name}.", "Check the path.")

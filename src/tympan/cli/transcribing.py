"""One recording -> the text that `tympan transcribe` prints or writes, in this process or in a worker."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tympan.cli.recordings import Recording
from tympan.errors import TympanError

if TYPE_CHECKING:
    from tympan.recognizer import Piece, Recognizer
    from tympan.transcript import Format

# Read by numpy's BLAS when it is loaded: else each of N processes would take all cores for products that are small.
BLAS_THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")


@dataclass(frozen=True)
class Outcome:
    """What became of a recording.

    Attributes:
        text: in the format that was asked for.
        hot_words: how often each fired.
        notes: what was odd but did not hinder, such as a file that is cut off.
        error: why there is no text; empty if there is.
    """

    text: str = ""
    hot_words: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True)
class Transcribing:
    """The options of the command, as they travel to a worker.

    Attributes:
        load_options: of `tympan.recognizer.load`.
        format: what to write.
        explain: write the best hypotheses with their scores instead.
        readable: numbers as digits, capitals, full stops.
        crowded: several processes work at a time, so that libraries shall leave the other cores alone.
    """

    load_options: Mapping[str, Any]
    format: Format
    explain: bool
    readable: bool
    crowded: bool

    def open(self) -> Callable[[Recording, Callable[[float], None]], Outcome]:
        """Load the model.

        Raises:
            TympanError: an option or the model cannot be used, or there are no rules for reading its language.
        """
        if self.crowded:
            for name in BLAS_THREADS:
                os.environ.setdefault(name, "1")
        from tympan.recognizer import load

        recognizer = load(**self.load_options)
        if self.readable:
            from tympan.text.reading import check_language

            check_language(recognizer.bundle.language)

        def job(recording: Recording, heard: Callable[[float], None]) -> Outcome:
            return self.transcribe(recognizer, recording, heard)

        return job

    def transcribe(self, recognizer: Recognizer, recording: Recording, heard: Callable[[float], None]) -> Outcome:
        """A recording; `heard` is called with the seconds that are done, from the beginning, after each piece."""
        from tympan.audio import TruncatedAudioWarning
        from tympan.cli.explain import NBEST

        pieces: list[Piece] = []
        error = ""
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always", TruncatedAudioWarning)
            try:
                for piece in recognizer.decoded(recording.path, nbest=NBEST if self.explain else 1):
                    pieces.append(piece)
                    heard(piece.end)
            except TympanError as reason:
                error = str(reason)
        notes = tuple(str(warning.message) for warning in warned)
        if error:
            return Outcome(notes=notes, error=error)
        text, hot_words = written(recognizer, pieces, recording.path.stem, self.format, self.explain, self.readable)
        return Outcome(text, hot_words, notes)


def transcribed(
    recognizer: Recognizer, file: Path, name: str, *, format: Format, explain: bool, readable: bool
) -> tuple[str, Mapping[str, int]]:
    """One recording on a cluster's worker: what is to be written, and how often each hot word fired."""
    from tympan.cli.explain import NBEST

    pieces = list(recognizer.decoded(file, nbest=NBEST if explain else 1))
    return written(recognizer, pieces, name, format, explain, readable)


def written(
    recognizer: Recognizer, pieces: Sequence[Piece], name: str, format: Format, with_scores: bool, readable: bool
) -> tuple[str, Mapping[str, int]]:
    """A transcript as it is asked for, and how often each hot word fired.

    Explained JSON is that of a transcript and `pieces`, as `tympan.cli.explain` gives them.
    """
    from tympan.cli.explain import explain, table
    from tympan.transcript import to_format

    transcript = recognizer.transcript(pieces)
    fired = transcript.hot_words
    if readable:
        from tympan.text.reading import readable_transcript

        transcript = readable_transcript(transcript)
    if not with_scores:
        return to_format(transcript, format, name=name), fired
    explained = explain(recognizer, pieces)
    if format == "json":
        return json.dumps({**transcript.to_dict(), "pieces": explained}, ensure_ascii=False, indent=2) + "\n", fired
    return table(explained, fired) + "\n", fired

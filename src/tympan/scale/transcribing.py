"""Transcripts of many recordings, each written once under its final name."""

from __future__ import annotations

import json
import platform
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from tympan.audio import TruncatedAudioWarning
from tympan.errors import TympanError
from tympan.recognizer import Recognizer
from tympan.scale.places import Folder, fetched, open_folder
from tympan.scale.recordings import Recording
from tympan.scale.shipping import ShippedModel
from tympan.scale.spreading import Done, spread

Write: TypeAlias = Callable[[Recognizer, Path, str], tuple[str, Mapping[str, int]]]
"""Recogniser, file and the transcript's name -> what is written, and how often each hot word fired."""


@dataclass(frozen=True)
class Outcome:
    """A recording that was transcribed.

    Attributes:
        hot_words: hot word -> how often it fired.
        warnings: what the reader had to say, as recordings that end early.
    """

    hot_words: Mapping[str, int]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Transcribing:
    """The work of one job.

    Attributes:
        model: opened once on each worker.
        output: folder or address.
        suffix: of the transcripts, without its dot.
        write: makes a transcript's content.
        mark: of this job's temporary files.
    """

    model: ShippedModel
    output: str
    suffix: str
    write: Write
    mark: str

    def start(self) -> Callable[[Recording], Outcome]:
        """Load the model; the function transcribes a recording and writes it, unless an earlier try of it had come so far."""
        folder = open_folder(self.output)
        if folder.read(here(self.mark)) is None:  # else each machine would write to a folder of its own
            raise TympanError(f"The folder {self.output} is another one on {platform.node()}, or none.", "Give one that all machines see.")
        recognizer = self.model.open()

        def transcribe_one(recording: Recording) -> Outcome:
            with warnings.catch_warnings(record=True) as caught, fetched(recording.source) as file:
                warnings.simplefilter("always", TruncatedAudioWarning)
                try:
                    content, hot_words = self.write(recognizer, file, Path(recording.name).name)
                except TympanError as error:  # which names the copy, if it was one
                    raise TympanError(str(error).replace(str(file), recording.source)) from None
            folder.write_once(f"{recording.name}.{self.suffix}", content.encode(), self.mark)
            told = [str(warning.message) for warning in caught if issubclass(warning.category, TruncatedAudioWarning)]
            return Outcome(hot_words, tuple(text.replace(str(file), recording.source) for text in told))

        return transcribe_one


def transcribe(recordings: Sequence[Recording], output: Folder, suffix: str, model: ShippedModel, write: Write) -> Iterator[Done]:
    """Transcribe recordings on the connected cluster.

    Args:
        recordings: those whose transcript is there already, whole as all of them are, are passed over and not yielded.
        output: a folder that all machines see.
        suffix: of the transcripts, without its dot.
        model: of `pack`.
        write: makes a transcript's content; a function that workers can import.

    Yields:
        A Done for each recording, as they are ready; `result` is an Outcome, `index` that of the recording in `recordings`.

    Raises:
        TympanError: workers cannot start.
    """
    there = output.existing(f"{recording.name}.{suffix}" for recording in recordings)
    wanted = [index for index, recording in enumerate(recordings) if f"{recording.name}.{suffix}" not in there]
    mark = f"{uuid.uuid4().hex[:8]}-"
    work = Transcribing(model, output.text, suffix, write, mark)
    output.write_once(here(mark), b"")
    try:
        for done in spread([recordings[index] for index in wanted], work, threads=model.threads):
            yield replace(done, index=wanted[done.index])
    finally:
        output.clear(mark)


def here(mark: str) -> str:
    """The name of an empty file by which workers know that they see the job's folder; it goes with the temporary ones."""
    return f".here.{mark}.tmp"


def hold_to_settings(output: Folder, suffix: str, model: ShippedModel, **form: bool) -> None:
    """Note in the folder how its transcripts are made; TympanError if those that are there were made otherwise, or on no room to write.

    Args:
        output: the folder.
        suffix: of the transcripts.
        model: of the job.
        form: how they are written.

    What is there is not done again, so without this a folder could hold the transcripts of two models, and nobody would know which.
    """
    name = f".tympan-{suffix}.json"
    facts = json.dumps({**model.facts(), **form}, sort_keys=True).encode()
    try:
        if not output.write_once(name, facts) and output.read(name) != facts:
            raise TympanError(
                f"The transcripts in {output.text} were made with another model or other options.", "Give --output another folder."
            )
    except OSError as error:
        raise TympanError(f"Nothing can be written to {output.text} ({error}).", "Is there room, and may you write there?") from None

"""The doctor's work on recordings, spread; what it finds is the same as on one machine, and in the same order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tympan.data import doctor
from tympan.data.doctor import Corpus, Row
from tympan.data.doctor.listening import Heard
from tympan.errors import TympanError
from tympan.scale.shipping import ShippedModel
from tympan.scale.spreading import spread


@dataclass(frozen=True)
class Measuring:
    """Decodes recordings to their end."""

    def start(self) -> Callable[[Path], doctor.Recording]:
        return lambda path: doctor.measure([path], jobs=1)[0]


@dataclass(frozen=True)
class Listening:
    """Compares transcripts with what a model hears."""

    model: ShippedModel

    def start(self) -> Callable[[Row], Heard | None]:
        recognizer = self.model.open()
        empty = Corpus([])
        doctor.use_model(empty, recognizer)
        return lambda row: doctor.listen(replace(empty, rows=[row]), recognizer)[0]


def measure(paths: Sequence[Path], progress: Callable[[int], object] = lambda done: None) -> list[doctor.Recording]:
    """As `tympan.data.doctor.measure`, on the connected cluster; a recording that ends every worker is one that cannot be read."""
    files = list(dict.fromkeys(paths))
    found: dict[Path, doctor.Recording] = {}
    for done in spread(files, Measuring()):
        found[files[done.index]] = doctor.Recording(error=done.error) if done.error else done.result
        progress(len(found))
    return [found[path] for path in paths]


def listen(corpus: Corpus, model: ShippedModel, progress: Callable[[int], object] = lambda done: None) -> list[Heard | None]:
    """As `tympan.data.doctor.listen`, on the connected cluster.

    Raises:
        TympanError: an utterance ended every worker that took it, or met an error inside.
    """
    heard: dict[int, Heard | None] = {}
    for done in spread(corpus.rows, Listening(model), threads=model.threads):
        if done.error:
            raise TympanError(f"{corpus.rows[done.index].where} could not be listened to: {done.error}")
        heard[done.index] = done.result
        progress(len(heard))
    return [heard[index] for index in range(len(corpus.rows))]

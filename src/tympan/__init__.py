"""Tympan: from recordings to a speech recogniser of your own, and one small file that transcribes anywhere.

>>> import tympan
>>> recognizer = tympan.load("english")  # doctest: +SKIP
>>> recognizer.transcribe("talk.mp3").text  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tympan.errors import TympanError

if TYPE_CHECKING:
    from tympan.recognizer import Recognizer, load
    from tympan.transcript import Transcript

__version__ = "0.1.0"

__all__ = ["Recognizer", "Transcript", "TympanError", "load"]

_ROOMS = {"Recognizer": "tympan.recognizer", "load": "tympan.recognizer", "Transcript": "tympan.transcript"}


def __getattr__(name: str) -> Any:
    """Bring what loads numpy and onnxruntime only when it is asked for."""
    if name in _ROOMS:
        import importlib

        return getattr(importlib.import_module(_ROOMS[name]), name)
    raise AttributeError(f"module 'tympan' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_ROOMS])

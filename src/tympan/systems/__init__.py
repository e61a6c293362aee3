"""Other recognisers behind the protocol of ours, so that one evaluation compares them: one file a system."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tympan.errors import TympanError
from tympan.systems.pocketsphinx import PocketSphinx
from tympan.systems.streamed import Streamed
from tympan.systems.system import System, SystemFiles

OWN = "tympan"
SYSTEMS: Mapping[str, Callable[[SystemFiles], System]] = {"pocketsphinx": PocketSphinx}

__all__ = ["OWN", "PocketSphinx", "SYSTEMS", "Streamed", "System", "SystemFiles", "open_system"]


def open_system(name: str, files: SystemFiles | None = None) -> System:
    """A system that is not ours, ready to transcribe.

    Raises:
        TympanError: there is no such system, or one of its files cannot be used.
        MissingExtraError: its library is not installed.
    """
    if name not in SYSTEMS:
        raise TympanError(f"There is no system {name!r}.", f"There are: {', '.join((OWN, *SYSTEMS))}.")
    return SYSTEMS[name](files or SystemFiles())

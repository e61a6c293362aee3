"""What an evaluation asks of a recogniser."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tympan.transcript import Transcript


class System(Protocol):
    """A recogniser: `tympan.recognizer.Recognizer` is one."""

    def transcribe(self, source: Any) -> Transcript:
        """A recording's transcript; AudioError if it cannot be read."""
        ...

    def search_settings(self) -> dict[str, Any]:
        """How texts are found, as plain values for a report."""
        ...

    def describe_search(self) -> str:
        """The same in a line."""
        ...


@dataclass(frozen=True)
class SystemFiles:
    """Files of a system that is not ours; None takes what its library brings.

    Attributes:
        lm: the language model.
        dictionary: the pronunciations, in the phones of the acoustic model.
        acoustic: the folder of the acoustic model.
    """

    lm: Path | None = None
    dictionary: Path | None = None
    acoustic: Path | None = None

    def given(self) -> Mapping[str, Path]:
        """Those that are not None, by name."""
        return {name: path for name in ("lm", "dictionary", "acoustic") if (path := getattr(self, name)) is not None}

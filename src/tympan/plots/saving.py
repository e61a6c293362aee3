"""Figures that need no window system, and their files."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from tympan.errors import TympanError
from tympan.files import atomic_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = (".pdf", ".png", ".svg")
DPI = 110


def check_ending(path: Path) -> None:
    """TympanError if the file cannot be a picture by its name."""
    if path.suffix.lower() not in FORMATS:
        raise TympanError(f"The picture {path} has none of the endings {', '.join(FORMATS)}.")


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of this size in inches."""
    from matplotlib.figure import Figure  # no pyplot: it would look for a window system

    return Figure(figsize=(width, height), layout="constrained")


def save(figure: Figure, path: Path) -> None:
    """Write a figure; the ending of `path` says as what.

    Raises:
        TympanError: the ending is none of FORMATS.
    """
    check_ending(path)
    with warnings.catch_warnings(), atomic_path(path) as temporary:
        warnings.filterwarnings("ignore", message="(?s).*Glyph .* missing from")  # scripts that the font does not have are boxes
        figure.savefig(temporary, format=path.suffix[1:].lower(), dpi=DPI)

"""Errors that a person can act on: each says what is wrong, where, and what to do.

TympanError                 the root; the command line prints message and hint and exits with code 2
├── AudioError              a recording cannot be read or is not usable
├── BundleError             a .tympan file is damaged, altered, foreign or too new
├── CheckpointError         a training checkpoint is missing, damaged or of another run
├── DownloadError           a corpus cannot be fetched, is not what was published, or cannot be unpacked
├── LMError                 a language model, an ARPA file or a scorer cannot be read, made or used
├── ManifestError           a manifest's line is wrong; names file and line
├── MissingExtraError       an optional dependency is not installed; the hint installs it
├── RecipeError             a recipe has a wrong key or value; names each path
├── ShapeError              an array has the wrong shape; names both
├── TokenError              text cannot be spelled with the token table, or the table is malformed
└── TrainingError           a training that ran cannot go on; says where its last checkpoint is
"""

from __future__ import annotations


class TympanError(Exception):
    """A mistake or a condition that the user can mend.

    Args:
        message: what is wrong and where, one sentence.
        hint: what to do about it, one sentence; may be empty.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class AudioError(TympanError):
    """A recording cannot be opened, is damaged, or holds nothing usable."""


class BundleError(TympanError):
    """A `.tympan` file is damaged, altered, foreign or newer than this reader."""


class CheckpointError(TympanError):
    """A training checkpoint is missing, damaged, or belongs to another run."""


class DownloadError(TympanError):
    """A file of a corpus cannot be fetched, is not what was published, or holds what no archive of recordings holds."""


class LMError(TympanError):
    """A language model, an ARPA file or a scorer is damaged, foreign, or cannot be made."""


class ManifestError(TympanError):
    """A line of a manifest is wrong."""


class MissingExtraError(TympanError):
    """A feature needs an optional dependency that is not installed.

    Args:
        what: the thing that was asked for, e.g. "talk.m4a is AAC, which".
        extra: the name of the extra that brings it.
    """

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs the extra '{extra}', which is not installed.", f"Run: pip install 'tympan[{extra}]'")
        self.extra = extra


class RecipeError(TympanError):
    """A recipe holds an unknown key or an impossible value."""


class ShapeError(TympanError):
    """An array does not have the shape that is needed."""


class TokenError(TympanError):
    """Text that the token table cannot spell, or a malformed table."""


class TrainingError(TympanError):
    """A training that ran cannot go on."""

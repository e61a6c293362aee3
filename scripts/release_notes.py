"""Prints what CHANGELOG.md says of a version, for the page of its release: python scripts/release_notes.py 0.1.0

Without a version: what is not yet released.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

CHANGELOG = Path(__file__).resolve().parent.parent / "CHANGELOG.md"


def notes_of(version: str, changelog: str) -> str:
    """The text below a version's headline, up to the next one.

    Raises:
        LookupError: there is no such headline, or nothing below it.
    """
    found = re.search(rf"^## \[{re.escape(version)}\][^\n]*\n(.*?)(?=^## \[|\Z)", changelog, re.MULTILINE | re.DOTALL)
    if found is None or not found[1].strip():
        raise LookupError(f"CHANGELOG.md says nothing of {version}.")
    return found[1].strip() + "\n"


if __name__ == "__main__":
    try:
        print(notes_of(sys.argv[1] if len(sys.argv) > 1 else "Unreleased", CHANGELOG.read_text(encoding="utf-8")), end="")
    except LookupError as error:
        sys.exit(str(error))

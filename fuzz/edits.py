"""Damage to JSON that is led by its form: bytes say which value of a good document becomes which other one.

Flipped bytes of JSON are nearly always no JSON, and end at the first line of a reader. An edit is two bytes, the place and the value;
the document stays JSON, so it is what stands behind the parser that is tried.
"""

from __future__ import annotations

import copy
import json
from typing import Any

MOST_EDITS = 8
MISSING = object()  # takes the key or the item away
VALUES: tuple[Any, ...] = (
    MISSING, None, True, False, 0, 1, -1, 2, 3, 7, 64, 255, 16_000, 1 << 31, 1 << 63, -(1 << 63), 1 << 70, 10**400,
    0.5, -0.0, 1e-320, 1e30, 1e308, float("nan"), float("inf"), float("-inf"),
    "", " ", "a", "x" * 300, "\0", "\ud800", "../a", "/dev/null", "en", "none", "running", "utterance", "global", "characters", "phones",
    "pieces", "bytes", "unigram", "bpe", "attention", "transducer", "neural-transducer", "ctc", "int8", "mel128", "waveform",
    "README.md", "model.onnx", "model.scorer", [], [[]], [0], [1], [1e308] * 80, [1.0] * 80, [[1, 1, 1]], [[1 << 24, 1, 1]], ["a"], [None],
    {}, {"": 0}, {"name": "stft193", "sample_rate": 16_000}, {"mode": "running", "mean": [0.0] * 80, "std": [1.0] * 80},
)  # fmt: skip
"""Of each kind that JSON has, and of what the formats know, near and beyond their bounds."""


def places(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where a value stands, outermost first; of long lists the beginning."""
    inside = document.items() if isinstance(document, dict) else enumerate(document[:3]) if isinstance(document, list) else ()
    return [place for key, value in inside for place in ((*path, key), *places(value, (*path, key)))]


def edited(document: Any, data: bytes) -> Any:
    """A copy of the document after the edits that the bytes spell."""
    document = copy.deepcopy(document)
    for at in range(0, min(len(data) - 1, 2 * MOST_EDITS), 2):
        found = places(document)
        if not found:
            break
        *outer, key = found[data[at] % len(found)]
        holder = document
        for step in outer:
            holder = holder[step]
        value = VALUES[data[at + 1] % len(VALUES)]
        if value is MISSING:
            del holder[key]
        else:
            holder[key] = copy.deepcopy(value)
    return document


def edited_json(document: Any, data: bytes) -> bytes:
    """The same as text, with NaN, Infinity and halves of surrogate pairs as Python's json writes them."""
    return json.dumps(edited(document, data)).encode()

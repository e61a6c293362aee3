"""The curves of a training, from the rows of its metrics.jsonl."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Rows = Sequence[Mapping[str, Any]]

# Panels: title, unit of the axis, factor, lines (key of the row, label).
PANELS = (
    ("loss, a frame", "nats", 1.0, (("train/loss", "training"), ("dev/loss", "dev"))),
    ("errors on dev", "%", 100.0, (("dev/wer", "WER"), ("dev/cer", "CER"))),
    ("learning rate", "", 1.0, (("train/learning_rate", ""),)),
    ("blank frames", "%", 100.0, (("train/blank_share", "training"), ("dev/blank_share", "dev"))),
)


def series(rows: Rows, key: str) -> tuple[list[int], list[float]]:
    """Steps and values of the rows that have `key`."""
    found = [(int(row["step"]), float(row[key])) for row in rows if key in row]
    return [step for step, _ in found], [value for _, value in found]


def draw_curves(axes: Sequence[Any], rows: Rows) -> None:
    """Draw one panel of PANELS into each of `axes`, over optimiser steps."""
    for panel, (title, unit, factor, lines) in zip(axes, PANELS, strict=True):
        for key, label in lines:
            steps, values = series(rows, key)
            if steps:
                mark = "." if key.startswith("dev/") else ""
                panel.plot(steps, [factor * value for value in values], marker=mark, linewidth=1, label=label or None)
        panel.set_title(title, fontsize=10)
        panel.set(xlabel="step", ylabel=unit)
        panel.margins(x=0.02)
        panel.grid(alpha=0.3)
        if any(line.get_label()[:1] != "_" for line in panel.get_lines()):
            panel.legend(fontsize=8)

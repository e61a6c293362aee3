"""Histograms as SVG, drawn by hand: a report must open anywhere, without a library."""

from __future__ import annotations

from html import escape

import numpy as np
import numpy.typing as npt

WIDTH, HEIGHT, BASE = 420, 150, 120  # of the picture; BASE is where the bars stand
BARS = 40
TAILS = (0.5, 99.5)  # percentiles; what lies beyond goes into the first and last bar


def histogram(values: npt.NDArray[np.float64], title: str, unit: str) -> str:
    """A picture of how often values occur.

    Args:
        values: (n,) finite; an empty array gives a sentence.
        title, unit: for people; escaped here.
    """
    if not len(values):
        return f"<p>{escape(title)}: nothing to draw.</p>"
    low, high = (float(edge) for edge in np.percentile(values, TAILS))
    if high - low < 1e-9 * max(1.0, abs(high)):  # numpy cannot part what differs in its last digits
        low, high = low - 0.5, high + 0.5
    counts, _ = np.histogram(np.clip(values, low, high), bins=BARS, range=(low, high))
    step = WIDTH / BARS
    bars = "".join(
        f'<rect x="{place * step:.1f}" y="{BASE - height:.1f}" width="{step - 1:.1f}" height="{height:.1f}"><title>{count:,}</title></rect>'
        for place, count in enumerate(counts.tolist())
        if (height := 100 * count / counts.max()) > 0
    )
    marks = "".join(
        f'<text x="{place * WIDTH:.0f}" y="{BASE + 14}" text-anchor="{anchor}">{low + place * (high - low):.3g}</text>'
        for place, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end"))
    )
    label = f'<text x="{WIDTH / 2:.0f}" y="{BASE + 28}" text-anchor="middle">{escape(title)}, {escape(unit)}</text>'
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">{bars}{marks}{label}</svg>'

"""A waveform as SVG, drawn by hand."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

WIDTH, HEIGHT = 600, 120  # of the picture, in its own units; it is stretched to its place


def svg(samples: npt.NDArray[np.float32], peak: float) -> str:
    """The lowest and highest sample of each of up to WIDTH stretches of (N,), as one area; `peak` fills the height."""
    outline = ""
    if len(samples):
        lows, highs = extremes(np.clip(samples / peak, -1, 1))
        steps = np.linspace(0, WIDTH, len(lows))
        upper = [f"{x:.1f},{(1 - y) * HEIGHT / 2:.1f}" for x, y in zip(steps, highs, strict=True)]
        lower = [f"{x:.1f},{(1 - y) * HEIGHT / 2 + 0.5:.1f}" for x, y in zip(steps, lows, strict=True)]  # silence is a line, too
        outline = f'<polygon points="{" ".join(upper + lower[::-1])}"/>'
    box = f'viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none"'
    return f'<svg style="width:100%" {box} role="img" aria-label="waveform">{outline}</svg>'


def extremes(samples: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Lowest and highest of each of up to WIDTH stretches of (N,), N > 0."""
    starts = np.unique(np.linspace(0, len(samples), WIDTH, endpoint=False).astype(np.int64))
    return np.minimum.reduceat(samples, starts), np.maximum.reduceat(samples, starts)

"""Sheets as one HTML file that needs nothing else: waveform beside features beside the text, and the sound to play.

Names and texts are from strangers: everything is escaped, and the page's policy lets nothing be loaded or run.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape

from tympan.plots.sheet import Panel, Sheet
from tympan.plots.sound import data_url
from tympan.plots.spectrogram import picture
from tympan.plots.waveform import svg

POLICY = "default-src 'none'; style-src 'unsafe-inline'; media-src data:; img-src data:"
STYLE = """
body { font: 16px/1.45 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem; color: #222; background: #fff }
.row { display: grid; grid-template-columns: 1fr 1fr 16rem; gap: 1rem; border-top: 1px solid #ddd; padding: .7rem 0 }
svg, img { height: 7rem; display: block } polygon { fill: #3b6ea5 } .said { overflow-wrap: anywhere } audio { height: 32px; width: 100% }
.seconds { color: #666; font-size: 13px }
@media (prefers-color-scheme: dark) { body { color: #ddd; background: #181818 } polygon { fill: #7aa7d6 } .row { border-color: #444 }
  .seconds { color: #aaa } }
"""


def to_html(title: str, sheets: Sequence[Sheet]) -> str:
    """The whole page."""
    head = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f'<meta name="viewport" content="width=device-width"><title>{escape(title)}</title><style>{STYLE}</style></head><body>'
    )
    return f"{head}<h1>{escape(title)}</h1>{''.join(section(sheet) for sheet in sheets)}</body></html>\n"


def section(sheet: Sheet) -> str:
    """One utterance."""
    return f"<h2>{escape(sheet.title)}</h2>{''.join(row(panel, sheet) for panel in sheet.panels)}"


def row(panel: Panel, sheet: Sheet) -> str:
    """One version: waveform, features, what it is, and the sound."""
    width = f'style="width:{100 * panel.duration_s / sheet.duration_s:.1f}%"'
    image = base64.b64encode(picture(panel.features, sheet.limits)).decode()
    frames, bands = panel.features.shape
    size = f"{panel.duration_s:.2f} s, {frames} frames of {bands}"
    player = ""
    if len(panel.samples):
        player = f'<audio controls preload="none" src="{data_url(panel.samples, panel.sample_rate, lossless=True)}"></audio>'
    return (
        f'<div class="row"><div><div {width}>{svg(panel.samples, sheet.peak)}</div></div>'
        f'<div><img {width} alt="features" src="data:image/png;base64,{image}"></div>'
        f'<div><b>{escape(panel.title)}</b><p class="said">{escape(sheet.text)}</p><p class="seconds">{size}</p>{player}</div></div>'
    )

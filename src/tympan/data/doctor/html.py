"""The report as one HTML file that needs nothing else: pictures, tables, and the worst clips to listen to.

Transcripts, ids and file names are from strangers: everything is escaped, and the page's policy lets nothing be loaded or run.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path

import numpy as np

from tympan import audio, plots
from tympan.data.doctor.histogram import histogram
from tympan.data.doctor.report import Finding, Report, place, shown
from tympan.errors import TympanError

MAX_CLIPS = 24
MAX_CLIP_S = 12.0  # of each; 24 kB or so as Opus
CLIPS_A_FINDING = 3
MAX_ROWS = 50  # of a table
CLIP_RATE = 16_000
POLICY = "default-src 'none'; style-src 'unsafe-inline'; media-src data:"
STYLE = """
body { font: 16px/1.45 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; background: #fff }
table { border-collapse: collapse; width: 100%; font-size: 14px } td, th { text-align: left; padding: 3px 8px; border-top: 1px solid #ddd }
td { overflow-wrap: anywhere; vertical-align: top } svg { width: 19rem; margin-right: 1rem } rect { fill: #3b6ea5 } text { font-size: 12px }
.error { color: #b00020 } .warning { color: #8a5a00 } .note { color: #555 } audio { height: 28px; width: 220px }
@media (prefers-color-scheme: dark) { body { color: #ddd; background: #181818 } text { fill: #ddd } td, th { border-color: #444 }
  .error { color: #ff8a80 } .warning { color: #e0b050 } .note { color: #aaa } rect { fill: #7aa7d6 } }
"""


def to_html(report: Report) -> str:
    """The whole page."""
    corpus = report.corpus
    names = ", ".join(dict.fromkeys(str(row.manifest) for row in corpus.rows))
    head = f"{len(corpus.rows):,} utterances, {corpus.durations.sum() / 3600:.2f} h; feasibility {corpus.frames_are}"
    parts = [
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        f'<meta name="viewport" content="width=device-width"><title>tympan data doctor</title><style>{STYLE}</style></head><body>',
        f"<h1>tympan data doctor</h1><p>{escape(shown(names, 1000))}</p><p>{escape(head)}</p>",
        *pictures(report),
        *overview(report),
    ]
    clips = chosen_clips(report)
    for finding in report.findings:
        parts.extend(section(finding, report, clips))
    return "".join([*parts, "</body></html>\n"])


def pictures(report: Report) -> Iterator[str]:
    """Durations, pace and, where it was measured, level."""
    corpus = report.corpus
    durations = corpus.durations
    lengths = np.array([len(row.utterance.text) for row in corpus.rows], dtype=np.float64)
    spoken = (durations >= 1e-3) & (lengths > 0)
    yield histogram(durations, "duration", "s")
    yield histogram(lengths[spoken] / durations[spoken], "characters per second", "1/s")
    if corpus.recordings is not None:
        levels = [recording.level_db for recording in corpus.recordings if recording.usable]
        yield histogram(np.array(levels, dtype=np.float64), "level of the loudest 32 ms", "dB of full scale")


def overview(report: Report) -> Iterator[str]:
    """A line a finding."""
    if not report.findings:
        yield "<p>Nothing was found.</p>"
        return
    yield "<table><tr><th>level<th>code<th>count<th>finding</tr>"
    for found in report.findings:
        link = f'<a href="#{found.code}">{found.code}</a>'
        yield f'<tr><td class="{found.level}">{found.level}<td>{link}<td>{len(found.faults):,}<td>{escape(found.title)}</tr>'
    yield "</table>"


def section(finding: Finding, report: Report, clips: dict[int, str]) -> Iterator[str]:
    """One finding with its places; `clips` are data URLs by row."""
    code = f'<span class="{finding.level}">{finding.code}</span>'
    yield f'<h2 id="{finding.code}">{code} {escape(finding.title)}: {len(finding.faults):,}</h2>'
    yield f"<p>{escape(finding.why)}</p><p><b>What to do:</b> {escape(finding.remedy)}</p><table><tr><th>where<th>what<th>text<th></tr>"
    for fault in finding.faults[:MAX_ROWS]:
        facts = place(fault, report.corpus.rows)
        where = shown(f"{Path(facts['manifest']).name}:{facts['line']} {Path(facts.get('audio', '')).name}", 200)
        cells = [where, shown(facts["detail"], 400), shown(facts.get("text", ""), 300)]
        player = f'<audio controls preload="none" src="{clips[fault.row]}"></audio>' if fault.row in clips else ""
        yield f"<tr>{''.join(f'<td>{escape(cell)}' for cell in cells)}<td>{player}</tr>"
    yield "</table>"
    if (more := len(finding.faults) - MAX_ROWS) > 0:
        yield f"<p>and {more:,} more, all in the output of --json</p>"


def chosen_clips(report: Report) -> dict[int, str]:
    """Data URLs of the first recordings of each finding, up to MAX_CLIPS of them; none where no audio was measured."""
    clips: dict[int, str] = {}
    recordings = report.corpus.recordings
    for finding in report.findings if recordings is not None else ():
        playable = [fault.row for fault in finding.faults if fault.row >= 0 and recordings is not None and not recordings[fault.row].error]
        for row in playable[:CLIPS_A_FINDING]:
            if row not in clips and len(clips) < MAX_CLIPS and (url := clip(report.corpus.rows[row].utterance.audio)):
                clips[row] = url
    return clips


def clip(path: Path) -> str:
    """The first MAX_CLIP_S of a recording as an address to play; empty if it cannot be read."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a truncated recording plays as far as it goes
        try:
            samples = next(audio.blocks(path, CLIP_RATE, MAX_CLIP_S))
        except (TympanError, OSError):
            return ""
    return plots.data_url(samples, CLIP_RATE, lossless=False)

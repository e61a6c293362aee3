"""a pace that nobody speaks at

## What it finds
Utterances much longer or shorter than others with as many characters: the usual pace of the manifest is found so that wrong ones
cannot move it, and what lies a factor of 2.5 and five robust standard deviations off is told.

## Why it hurts
Mostly the transcript is not that of the recording: a line too many in a list, a cut that went wrong, minutes of silence. The network
learns to leave out or to invent.

## Example
Two seconds of audio with forty words.

## What to do
Listen to the first ones of the list (--html makes them playable), and mend what shifted them.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tympan.data.doctor.report import Fault, Fix, Level, Need, shown
from tympan.data.doctor.robust import deviations, fit_pace

if TYPE_CHECKING:
    from tympan.data.doctor.corpus import Corpus

LEVEL: Level = "warning"
NEEDS: Need = "text"
FIX: Fix = "keep"
FACTOR = 2.5
DEVIATIONS = 5.0
LEAST_SPREAD = 0.1  # of the natural log: a corpus of equal utterances has no natural spread
MIN_UTTERANCES = 20


def find(corpus: Corpus) -> list[Fault]:
    durations = corpus.durations
    by_manifest: dict[Path, list[int]] = defaultdict(list)
    for index, row in enumerate(corpus.rows):
        if row.utterance.text and durations[index] >= 1e-3:
            by_manifest[row.manifest].append(index)
    found: list[tuple[float, Fault]] = []
    for indices in by_manifest.values():
        if len(indices) < MIN_UTTERANCES:
            continue
        seconds = durations[indices]
        lengths = np.array([len(corpus.rows[index].utterance.text) for index in indices], dtype=np.float64)
        a, b = fit_pace(lengths, seconds)
        ratios = np.log(seconds / np.maximum(a + b * lengths, 1e-3))
        odd = (np.abs(deviations(ratios, LEAST_SPREAD)) > DEVIATIONS) & (np.abs(ratios) > np.log(FACTOR))
        for place in np.flatnonzero(odd):
            usual = a + b * lengths[place]
            text = shown(corpus.rows[indices[place]].utterance.text, 40)
            detail = f"{seconds[place]:.2f} s for {lengths[place]:.0f} characters, usual here are {usual:.1f} s: {text!r}"
            found.append((-abs(float(ratios[place])), Fault(detail, indices[place])))
    return [fault for _, fault in sorted(found, key=lambda pair: pair[0])]

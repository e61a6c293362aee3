"""Pictures: utterances with waveform, features and text, the curves of a training, and what a network makes of an utterance.

As a page of their own, or through matplotlib, the extra `plot`.
"""

from tympan.plots.curves import draw_curves
from tympan.plots.emission import Picture, draw_emission, draw_spectrogram
from tympan.plots.figure import draw
from tympan.plots.page import to_html
from tympan.plots.results import draw_run, draw_utterance
from tympan.plots.saving import FORMATS, check_ending, new_figure, save
from tympan.plots.sheet import Panel, Sheet
from tympan.plots.sound import data_url

__all__ = [
    "FORMATS",
    "Panel",
    "Picture",
    "Sheet",
    "check_ending",
    "data_url",
    "draw",
    "draw_curves",
    "draw_emission",
    "draw_run",
    "draw_spectrogram",
    "draw_utterance",
    "new_figure",
    "save",
    "to_html",
]

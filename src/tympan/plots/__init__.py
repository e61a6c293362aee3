"""Pictures: a sheet of utterances with waveform, features and text, as a page of its own or through matplotlib."""

from tympan.plots.figure import FORMATS, draw
from tympan.plots.page import to_html
from tympan.plots.sheet import Panel, Sheet
from tympan.plots.sound import data_url

__all__ = ["FORMATS", "Panel", "Sheet", "data_url", "draw", "to_html"]

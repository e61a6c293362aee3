"""Text made ready for training and scoring, with a report of every change; and transcripts made ready for people."""

from tympan.text.languages import LANGUAGES, Language
from tympan.text.normalizer import Change, Normalizer
from tympan.text.pieces import learn_pieces
from tympan.text.reading import readable, readable_transcript
from tympan.text.report import Report, SignReport
from tympan.text.spoken_numbers import Read

__all__ = [
    "Change",
    "LANGUAGES",
    "Language",
    "Normalizer",
    "Read",
    "Report",
    "SignReport",
    "learn_pieces",
    "readable",
    "readable_transcript",
]

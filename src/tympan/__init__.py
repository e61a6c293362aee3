"""Tympan: from recordings to a speech recogniser of your own, and one small file that transcribes anywhere."""

__version__ = "0.1.0"

"""Transcribing and examining on many machines: the same functions as on one, spread over a Ray cluster.

with connected("auto"):
    model = pack("english")
    for done in transcribe(expand(["talks/"]), open_folder("transcripts"), "txt", model, written):
        ...

ray is imported inside the functions that need it, so that this package can be imported without the extra `scale`.
"""

from __future__ import annotations

from tympan.scale.cluster import connected
from tympan.scale.examining import listen, measure
from tympan.scale.places import Folder, open_folder
from tympan.scale.recordings import Recording, expand
from tympan.scale.shipping import ShippedModel, pack
from tympan.scale.spreading import Done, spread
from tympan.scale.transcribing import Outcome, hold_to_settings, transcribe

__all__ = [
    "Done",
    "Folder",
    "Outcome",
    "Recording",
    "ShippedModel",
    "connected",
    "expand",
    "hold_to_settings",
    "listen",
    "measure",
    "open_folder",
    "pack",
    "spread",
    "transcribe",
]

"""Networks: encoders, heads, and presets that name them."""

from tympan.models.build import build
from tympan.models.ctc import CTCModel
from tympan.models.encoders.encoder import Encoder

__all__ = ["CTCModel", "Encoder", "build"]

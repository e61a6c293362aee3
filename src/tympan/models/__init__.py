"""Networks: encoders, heads, and presets that name them."""

from tympan.models.build import build
from tympan.models.ctc import CTCModel
from tympan.models.encoders.encoder import Encoder
from tympan.models.transducer import TransducerModel, build_transducer

__all__ = ["CTCModel", "Encoder", "TransducerModel", "build", "build_transducer"]

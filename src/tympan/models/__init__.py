"""Networks: encoders, heads, and presets that name them."""

from tympan.models.attention import AttentionModel, build_attention
from tympan.models.build import build
from tympan.models.ctc import CTCModel
from tympan.models.encoders.encoder import Encoder
from tympan.models.neural_transducer import NeuralTransducerModel, build_neural_transducer
from tympan.models.transducer import TransducerModel, build_transducer

__all__ = [
    "AttentionModel",
    "CTCModel",
    "Encoder",
    "NeuralTransducerModel",
    "TransducerModel",
    "build",
    "build_attention",
    "build_neural_transducer",
    "build_transducer",
]

"""The encoders: one file a family, and the dictionary that names them."""

from __future__ import annotations

from tympan.models.encoders.conformer import Conformer
from tympan.models.encoders.crnn_assembly import CRNNAssembly
from tympan.models.encoders.crnn_dredwardhyde import CRNNDredwardhyde
from tympan.models.encoders.deepspeech2_keras import DeepSpeech2Keras
from tympan.models.encoders.encoder import Encoder

__all__ = ["CRNNAssembly", "CRNNDredwardhyde", "Conformer", "DeepSpeech2Keras", "ENCODERS", "Encoder"]

ENCODERS: dict[str, type[Encoder]] = {
    "conformer": Conformer,
    "crnn_assembly": CRNNAssembly,
    "crnn_dredwardhyde": CRNNDredwardhyde,
    "deepspeech2_keras": DeepSpeech2Keras,
}

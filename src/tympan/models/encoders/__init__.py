"""The encoders: one file a family, and the dictionary that names them."""

from __future__ import annotations

from tympan.models.encoders.conformer import Conformer
from tympan.models.encoders.crnn_assembly import CRNNAssembly
from tympan.models.encoders.crnn_dredwardhyde import CRNNDredwardhyde
from tympan.models.encoders.deepspeech import DeepSpeech
from tympan.models.encoders.deepspeech2_keras import DeepSpeech2Keras
from tympan.models.encoders.deepspeech2_pytorch import DeepSpeech2PyTorch
from tympan.models.encoders.e_branchformer import EBranchformer
from tympan.models.encoders.encoder import Encoder
from tympan.models.encoders.huggingface import HuggingFaceEncoder
from tympan.models.encoders.jasper import Jasper
from tympan.models.encoders.pyramidal_blstm import PyramidalBLSTM
from tympan.models.encoders.quartznet import QuartzNet
from tympan.models.encoders.tdnnf import TDNNF
from tympan.models.encoders.transformer import Transformer
from tympan.models.encoders.very_deep_cnn import VeryDeepCNN
from tympan.models.encoders.wave2letter import Wave2Letter

__all__ = [
    "CRNNAssembly",
    "CRNNDredwardhyde",
    "Conformer",
    "DeepSpeech",
    "DeepSpeech2Keras",
    "DeepSpeech2PyTorch",
    "EBranchformer",
    "ENCODERS",
    "Encoder",
    "HuggingFaceEncoder",
    "Jasper",
    "PyramidalBLSTM",
    "QuartzNet",
    "TDNNF",
    "Transformer",
    "VeryDeepCNN",
    "Wave2Letter",
]

ENCODERS: dict[str, type[Encoder]] = {
    "conformer": Conformer,
    "crnn_assembly": CRNNAssembly,
    "crnn_dredwardhyde": CRNNDredwardhyde,
    "deepspeech": DeepSpeech,
    "deepspeech2_keras": DeepSpeech2Keras,
    "deepspeech2_pytorch": DeepSpeech2PyTorch,
    "e_branchformer": EBranchformer,
    "huggingface": HuggingFaceEncoder,
    "jasper": Jasper,
    "pyramidal_blstm": PyramidalBLSTM,
    "quartznet": QuartzNet,
    "tdnnf": TDNNF,
    "transformer": Transformer,
    "very_deep_cnn": VeryDeepCNN,
    "wave2letter": Wave2Letter,
}

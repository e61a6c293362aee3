"""Encoders by name."""

from tympan.models.encoders.conformer import Conformer
from tympan.models.encoders.encoder import Encoder

ENCODERS: dict[str, type[Encoder]] = {"conformer": Conformer}

__all__ = ["ENCODERS", "Conformer", "Encoder"]

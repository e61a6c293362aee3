"""Decoders of attention models: what writes a text while it looks at encoded frames."""

from tympan.models.spellers.attention import Memory, SpellerAttention
from tympan.models.spellers.blocks import Blocks, Windows
from tympan.models.spellers.speller import EDGE, Speller, SpellerState

__all__ = ["Blocks", "EDGE", "Memory", "Speller", "SpellerAttention", "SpellerState", "Windows"]

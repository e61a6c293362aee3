"""Neural language models: one file a family, by the name that a recipe gives."""

from __future__ import annotations

from tympan.models.language.lstm import LSTMLanguageModel

LANGUAGE_MODELS = {"lstm": LSTMLanguageModel}

__all__ = ["LANGUAGE_MODELS", "LSTMLanguageModel"]

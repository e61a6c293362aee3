"""The pages name every key of a recipe."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from tympan.training import recipe as sections

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = ("training", "families", "pretraining", "scaling", "training-objectives", "augmentation", "data", "text-and-tokens")
MODELS = [value for value in vars(sections).values() if isinstance(value, type) and issubclass(value, BaseModel)]


@pytest.mark.parametrize("section", [model for model in MODELS if model.model_fields], ids=lambda model: model.__name__)
def test_every_key_stands_on_a_page(section: type[BaseModel]) -> None:
    text = "\n".join((DOCS / f"{page}.md").read_text(encoding="utf-8") for page in PAGES)
    words = {word for code in re.findall(r"`([^`\n]+)`|```(.*?)```", text, re.S) for part in code for word in re.findall(r"\w+", part)}
    assert set(section.model_fields) - words == set()

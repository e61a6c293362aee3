from __future__ import annotations

import importlib.util

import pytest

from tympan import extras
from tympan.errors import MissingExtraError


def test_installed_extra_is_accepted() -> None:
    extras.require("train", "Training")


def test_missing_extra_is_told_with_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "lightning" else found(name))
    with pytest.raises(
        MissingExtraError, match=r"Training \(it imports lightning\) needs the extra 'train'.*pip install 'tympan\[train\]'"
    ):
        extras.require("train", "Training")

"""Each module of the room can be the first that a program imports: no circle between layers and encoders."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import tympan

LAYERS = sorted((Path(tympan.__file__).parent / "models" / "layers").glob("*.py"))


@pytest.mark.parametrize("path", LAYERS, ids=lambda path: path.stem)
def test_no_layer_imports_an_encoder(path: Path) -> None:
    nodes = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, (ast.Import, ast.ImportFrom))]
    imported = {getattr(node, "module", None) or alias.name for node in nodes for alias in node.names}
    assert not {name for name in imported if name.startswith("tympan.models.encoders")}

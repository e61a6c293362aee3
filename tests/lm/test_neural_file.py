"""Files of neural language models: there and back, and what must be refused."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from toy_neural import bigram_file
from tympan.errors import LMError
from tympan.lm import NeuralFile, NeuralLM
from tympan.tokens import TokenTable

TABLE = TokenTable(("<blank>", " ", "a"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = bigram_file(TABLE, np.full((3, 3), 1 / 3))
    replace(file, rescore_weight=0.4, facts={"name": "toy"}).write(tmp_path / "toy.nlm")
    return tmp_path / "toy.nlm"


def rewrite(path: Path, header: dict[str, Any] | None = None, *, compress: bool = False, **members: bytes) -> None:
    """The same archive with changes to its header, or with members replaced or added."""
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    facts = {**json.loads(contents["neural.json"]), **(header or {})}
    contents["neural.json"] = json.dumps(facts).encode()
    contents |= {name.replace("__", "."): data for name, data in members.items()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED) as archive:
        for name, data in contents.items():
            archive.writestr(name, data)


def test_what_was_written_is_read_and_equal_contents_give_equal_bytes(path: Path, tmp_path: Path) -> None:
    file = NeuralFile.open(path)
    assert file.tokens == TABLE and file.rescore_weight == 0.4 and file.facts == {"name": "toy"}
    file.write(tmp_path / "again.nlm")
    assert (tmp_path / "again.nlm").read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ({"format": 2}, "format 2"),
        ({"state_size": 0}, "state_size is 0"),
        ({"state_size": 1 << 40}, "state_size"),
        ({"state_size": True}, "'state_size'"),
        ({"tokens": {"kind": "characters", "tokens": ["<blank>", " ", "b"], "hash": TABLE.hash}}, "hash"),
        ({"rescore_weight": "much"}, "rescore_weight is 'much'"),
        ({"rescore_weight": None}, "rescore_weight"),
        ({"members": {}}, "altered or damaged"),
        ({"facts": []}, "'facts'"),
    ],
)
def test_a_header_that_says_what_cannot_be_is_refused(path: Path, header: dict[str, Any], said: str) -> None:
    rewrite(path, header)
    with pytest.raises(LMError, match=said):
        NeuralFile.open(path)


def test_altered_foreign_compressed_and_truncated_files_are_refused(path: Path, tmp_path: Path) -> None:
    whole = path.read_bytes()
    rewrite(path, model__onnx=b"another graph")
    with pytest.raises(LMError, match=r"model\.onnx was altered"):
        NeuralFile.open(path)
    path.write_bytes(whole)
    rewrite(path, **{"../evil": b"x"})
    with pytest.raises(LMError, match="other members"):
        NeuralFile.open(path)
    path.write_bytes(whole)
    rewrite(path, compress=True)
    with pytest.raises(LMError, match="compressed"):
        NeuralFile.open(path)
    for length in (0, 10, len(whole) // 2, len(whole) - 5):
        path.write_bytes(whole[:length])
        with pytest.raises(LMError, match=r"toy\.nlm"):
            NeuralFile.open(path)
    with pytest.raises(LMError, match="There is no neural language model"):
        NeuralFile.open(tmp_path / "none.nlm")


def test_a_graph_that_is_none_or_of_other_inputs_or_shapes_is_refused(path: Path) -> None:
    file = NeuralFile.open(path)
    with pytest.raises(LMError, match="cannot be loaded"):
        NeuralLM(replace(file, graph=b"no graph"))
    with pytest.raises(LMError, match=r"network cannot be run|network gives"):
        NeuralLM(replace(file, state_size=2))
    with pytest.raises(LMError, match="network gives"):
        NeuralLM(replace(file, tokens=TokenTable(("<blank>", " ", "a", "b"))))


def test_a_graph_reads_no_file(path: Path, tmp_path: Path) -> None:
    import onnx

    (tmp_path / "rows").write_bytes(np.zeros(9, np.float32).tobytes())
    model = onnx.load_model_from_string(NeuralFile.open(path).graph)
    rows = next(array for array in model.graph.initializer if array.name == "rows")
    rows.ClearField("raw_data")
    rows.data_location = onnx.TensorProto.EXTERNAL
    rows.external_data.add(key="location", value=str(tmp_path / "rows"))
    with pytest.raises(LMError, match="cannot be loaded"):
        NeuralLM(replace(NeuralFile.open(path), graph=model.SerializeToString()))

"""Bundles whose graph and description of chunks differ."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streams import SYMBOLS, said
from toy_models import CHUNKS, RATE, make_bundle
from tympan.bundle import Bundle
from tympan.engines.chunks import checked
from tympan.errors import BundleError, ShapeError
from tympan.recognizer import Recognizer


@pytest.mark.parametrize("change", [{"factor": 2}, {"ends": [[3, 3]]}, {"memories": [[2, 64, 1]]}], ids=str)
def test_a_graph_that_keeps_something_else_than_the_bundle_says_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    """The fuzzer's find: it was an error of numpy's."""
    bundle = make_bundle(tmp_path / "m.tympan", SYMBOLS, chunked=True)
    streaming = {**CHUNKS, "ends": [[2, 3]], "memories": [[1, 64, 1]], **change}
    stream = Recognizer(replace(bundle, model={**bundle.model, "streaming": streaming}), threads=1).stream()
    with pytest.raises(BundleError, match=r"m\.tympan"):
        stream.accept(said(0.3, "bad", 0.3), RATE)


@pytest.mark.parametrize(
    ("log_probs", "lengths", "error"),
    [
        (np.zeros((1, 5, 7), np.float32), np.array([5]), ShapeError),
        (np.zeros((5, 9), np.float32), np.array([5]), ShapeError),
        (np.zeros((1, 5, 9)), np.array([5]), BundleError),
        (np.zeros((1, 5, 9), np.float32), np.array([5, 5]), BundleError),
        (np.zeros((1, 5, 9), np.float32), np.array([[5]]), BundleError),
        (np.zeros((1, 5, 9), np.float32), np.array([5.0]), BundleError),
        ([np.zeros((5, 9), np.float32), "a sequence"], np.array([5]), (ShapeError, BundleError)),
    ],
    ids=["tokens", "rank", "float64", "too many lengths", "rank of lengths", "lengths in halves", "a sequence"],
)
def test_outputs_that_are_no_log_probs_are_refused(tmp_path: Path, log_probs: Any, lengths: Any, error: Any) -> None:
    bundle: Bundle = make_bundle(tmp_path / "m.tympan", SYMBOLS)
    assert len(checked([np.zeros((1, 5, 9), np.float32), np.array([4])], bundle)[0]) == 4
    with pytest.raises(error):
        checked([log_probs, lengths], bundle)

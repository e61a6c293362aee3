"""A language model over tokens whose every probability is known: what comes next depends on the last token only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tympan.lm.neural_file import NeuralFile
from tympan.tokens import TokenTable


def bigram_file(table: TokenTable, probabilities: npt.NDArray[np.float64]) -> NeuralFile:
    """A graph made by hand whose state is the last token, which it does not need.

    Args:
        table: of the tokens.
        probabilities: (V, V), row i: what follows token i; 0 is the sentence's edge.
    """
    from onnx import TensorProto, checker, helper, numpy_helper

    size = len(table)
    nodes = [
        helper.make_node("Gather", ["rows", "tokens"], ["log_probs"]),
        helper.make_node("Slice", ["tokens", "last", "end", "axis"], ["last_tokens"]),
        helper.make_node("Cast", ["last_tokens"], ["states_after"], to=TensorProto.FLOAT),
    ]
    arrays = {
        "rows": np.log(np.maximum(probabilities, 1e-9)).astype(np.float32),
        "last": np.array([-1], dtype=np.int64),
        "end": np.array([1 << 30], dtype=np.int64),
        "axis": np.array([1], dtype=np.int64),
    }
    inputs = [
        helper.make_tensor_value_info("tokens", TensorProto.INT64, ["B", "L"]),
        helper.make_tensor_value_info("states", TensorProto.FLOAT, ["B", 1]),
    ]
    outputs = [
        helper.make_tensor_value_info("log_probs", TensorProto.FLOAT, ["B", "L", size]),
        helper.make_tensor_value_info("states_after", TensorProto.FLOAT, ["B", 1]),
    ]
    # The states must be read, or they are no input.
    nodes.append(helper.make_node("Identity", ["states"], ["unread"]))
    graph = helper.make_graph(nodes, "bigram", inputs, outputs, [numpy_helper.from_array(a, name) for name, a in arrays.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model)
    return NeuralFile(table, 1, model.SerializeToString(), {"family": "bigram", "parameters": size * size})


def follows(table: TokenTable, pairs: Sequence[tuple[str, str, float]]) -> npt.NDArray[np.float64]:
    """(V, V): the probabilities of these pairs, "" for the sentence's edge; what a row has left is shared by its other tokens."""
    size = len(table)
    rows = np.full((size, size), np.nan)
    for before, after, probability in pairs:
        rows[table.index[before] if before else 0, table.index[after] if after else 0] = probability
    for row in rows:
        unset = np.isnan(row)
        row[unset] = (1 - row[~unset].sum()) / max(1, unset.sum())
    return rows

"""The network as an ONNX graph, made node by node: torch's exporter unrolls an LSTM over the length of its example."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from tympan.models.language import LSTMLanguageModel

OPSET, IR = 17, 8
GATES = (0, 3, 1, 2)  # torch keeps input, forget, cell, output; ONNX wants input, output, forget, cell


def lstm_graph(model: LSTMLanguageModel) -> bytes:
    """tokens (B, L) int64, states (B, S) -> log_probs (B, L, V), states_after (B, S), with free B and L."""
    from onnx import TensorProto, checker, helper, numpy_helper

    size, layers = model.num_tokens, model.layers
    weights: dict[str, npt.NDArray[Any]] = dict(initializers(model))
    parts = [f"{name}{layer}" for name in ("output", "cell") for layer in range(layers)]
    nodes = [
        helper.make_node("Gather", ["embedding", "tokens"], ["embedded"]),  # (B, L, E)
        helper.make_node("Transpose", ["embedded"], ["x0"], perm=[1, 0, 2]),  # (L, B, E)
        helper.make_node("Split", ["states", "parts"], [f"{part}_rows" for part in parts], axis=1),  # (B, H) each
        *(helper.make_node("Unsqueeze", [f"{part}_rows", "first"], [part]) for part in parts),  # (1, B, H)
    ]
    for layer in range(layers):
        inputs = [f"x{layer}", f"input{layer}", f"recurrent{layer}", f"bias{layer}", "", f"output{layer}", f"cell{layer}"]
        found = [f"y{layer}", f"output{layer}_after", f"cell{layer}_after"]
        nodes.append(helper.make_node("LSTM", inputs, found, hidden_size=model.hidden))  # (L, 1, B, H), 2 x (1, B, H)
        nodes.append(helper.make_node("Squeeze", [f"y{layer}", "second"], [f"x{layer + 1}"]))  # (L, B, H)
    x = f"x{layers}"
    if "projection" in weights:
        nodes.append(helper.make_node("MatMul", [x, "projection"], ["narrow"]))
        nodes.append(helper.make_node("Add", ["narrow", "projection_bias"], ["projected"]))
        x = "projected"
    if "decoder" not in weights:  # tied
        nodes.append(helper.make_node("Transpose", ["embedding"], ["decoder"], perm=[1, 0]))
    nodes += [
        helper.make_node("MatMul", [x, "decoder"], ["scores"]),
        helper.make_node("Add", ["scores", "decoder_bias"], ["logits"]),
        helper.make_node("LogSoftmax", ["logits"], ["by_time"], axis=-1),  # (L, B, V)
        helper.make_node("Transpose", ["by_time"], ["log_probs"], perm=[1, 0, 2]),
        *(helper.make_node("Squeeze", [f"{part}_after", "first"], [f"{part}_end"]) for part in parts),
        helper.make_node("Concat", [f"{part}_end" for part in parts], ["states_after"], axis=1),
    ]
    constants = {
        "parts": np.full(2 * layers, model.hidden, dtype=np.int64),
        "first": np.array([0], dtype=np.int64),
        "second": np.array([1], dtype=np.int64),
    }
    floats, state = TensorProto.FLOAT, model.state_size
    graph = helper.make_graph(
        nodes,
        "language_model",
        [
            helper.make_tensor_value_info("tokens", TensorProto.INT64, ["B", "L"]),
            helper.make_tensor_value_info("states", floats, ["B", state]),
        ],
        [
            helper.make_tensor_value_info("log_probs", floats, ["B", "L", size]),
            helper.make_tensor_value_info("states_after", floats, ["B", state]),
        ],
        [numpy_helper.from_array(array, name) for name, array in {**weights, **constants}.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)
    checker.check_model(made)
    return bytes(made.SerializeToString())


def initializers(model: LSTMLanguageModel) -> Iterator[tuple[str, npt.NDArray[np.float32]]]:
    """The weights as ONNX wants them, by name."""
    yield "embedding", array(model.embedding.weight)
    for layer in range(model.layers):
        given, recurrent, given_bias, recurrent_bias = (
            gated(getattr(model.lstm, f"{name}_l{layer}")) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        yield f"input{layer}", given[None]
        yield f"recurrent{layer}", recurrent[None]
        yield f"bias{layer}", np.concatenate([given_bias, recurrent_bias])[None]
    if isinstance(model.projection, torch.nn.Linear):
        yield "projection", array(model.projection.weight.T)
        yield "projection_bias", array(model.projection.bias)
    if model.output.weight is not model.embedding.weight:
        yield "decoder", array(model.output.weight.T)
    yield "decoder_bias", array(model.output.bias)


def gated(weight: torch.Tensor) -> npt.NDArray[np.float32]:
    """A weight with its gates in ONNX's order."""
    blocks = array(weight).reshape(4, -1, *weight.shape[1:])
    return np.concatenate([blocks[gate] for gate in GATES])


def array(tensor: torch.Tensor) -> npt.NDArray[np.float32]:
    found: npt.NDArray[np.float32] = np.ascontiguousarray(tensor.detach().cpu().numpy(), dtype=np.float32)
    return found

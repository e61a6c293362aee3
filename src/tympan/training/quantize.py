"""8-bit weights in an ONNX graph."""

from __future__ import annotations

import logging
import tempfile
import warnings
from pathlib import Path

import numpy as np


def quantize_graph(graph: bytes, *, by_row: bool = False) -> bytes:
    """Weights of matrix products become int8 with a scale for each output, and are multiplied as integers with inputs quantised
    as they come; weights of convolutions become int8 with a scale for each output channel, and are multiplied as floats.

    Convolutions hold few weights, but in 32 bits they would still be a good part of the file; integer convolutions are slow on CPUs.

    Args:
        graph: the ONNX file.
        by_row: quantise each row of an input by its own largest value in place of the input's: slower, but a row's result then
            depends on that row alone, so that streams of different people can share a batch.
    """
    if by_row:
        return quantize_convolutions(quantize_rows(graph))
    from onnxruntime.quantization import QuantType, quantize_dynamic

    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # it advises a preparation that is for static quantisation
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        source, target = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        source.write_bytes(graph)
        try:
            quantize_dynamic(source, target, weight_type=QuantType.QInt8, per_channel=True, op_types_to_quantize=["MatMul", "Gemm"])
        finally:
            root.setLevel(level)
        return quantize_convolutions(target.read_bytes())


def quantize_rows(graph: bytes) -> bytes:
    """Every product with a matrix of weights as integers, the other factor quantised row by row.

        q = round(127 x / max |x|) + 128 as uint8;  x W = (q - 128) W_int8 * max |x| / 127 * scale

    Of unsigned and signed bytes, because processors multiply these fastest.
    """
    import onnx
    from onnx import TensorProto, numpy_helper
    from onnx.helper import make_node

    model = onnx.load_model_from_string(graph)
    weights = {tensor.name: tensor for tensor in model.graph.initializer if len(tensor.dims) == 2}
    constants = {"q_axis": np.array([-1], np.int64), "q_least": np.float32(1e-12), "q_levels": np.float32(127), "q_half": np.float32(128)}
    constants["q_zero"] = np.uint8(128)
    nodes: list[onnx.NodeProto] = []
    used: set[str] = set()
    rows: set[str] = set()
    for node in model.graph.node:
        if node.op_type != "MatMul" or node.input[1] not in weights:
            nodes.append(node)
            continue
        x, w, y = node.input[0], node.input[1], node.output[0]
        if x not in rows:
            rows.add(x)
            nodes += [
                make_node("Abs", [x], [f"{x}_abs"]),
                make_node("ReduceMax", [f"{x}_abs", "q_axis"], [f"{x}_most"], keepdims=1),
                make_node("Max", [f"{x}_most", "q_least"], [f"{x}_peak"]),
                make_node("Div", [f"{x}_peak", "q_levels"], [f"{x}_scale"]),
                make_node("Div", [x, f"{x}_scale"], [f"{x}_steps"]),
                make_node("Round", [f"{x}_steps"], [f"{x}_round"]),
                make_node("Add", [f"{x}_round", "q_half"], [f"{x}_raised"]),
                make_node("Cast", [f"{x}_raised"], [f"{x}_bytes"], to=TensorProto.UINT8),
            ]
        if w not in used:
            used.add(w)
            values = numpy_helper.to_array(weights[w])
            scale = np.maximum(np.abs(values).max(axis=0), 1e-12).astype(np.float32) / 127
            constants[f"{w}_int8"], constants[f"{w}_scale"] = np.rint(values / scale).astype(np.int8), scale
        nodes += [
            make_node("MatMulInteger", [f"{x}_bytes", f"{w}_int8", "q_zero"], [f"{y}_sum"]),
            make_node("Cast", [f"{y}_sum"], [f"{y}_float"], to=TensorProto.FLOAT),
            make_node("Mul", [f"{y}_float", f"{x}_scale"], [f"{y}_scaled"]),
            make_node("Mul", [f"{y}_scaled", f"{w}_scale"], [y]),
        ]
    kept = [tensor for tensor in model.graph.initializer if tensor.name not in used]
    del model.graph.initializer[:], model.graph.node[:]
    model.graph.initializer.extend([*kept, *(numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items())])
    model.graph.node.extend(nodes)
    return bytes(model.SerializeToString())


def quantize_convolutions(graph: bytes) -> bytes:
    """Store convolutions' weights as int8 behind a DequantizeLinear, which the runtime folds when it opens the graph."""
    import onnx
    from onnx import helper, numpy_helper

    model = onnx.load_model_from_string(graph)
    weights = {node.input[1] for node in model.graph.node if node.op_type == "Conv"}
    nodes = []
    for tensor in list(model.graph.initializer):
        if tensor.name not in weights or tensor.data_type != onnx.TensorProto.FLOAT:
            continue
        values = numpy_helper.to_array(tensor)
        scale = np.maximum(np.abs(values).reshape(len(values), -1).max(axis=1), 1e-12).astype(np.float32) / 127
        rounded = np.rint(values / scale.reshape(-1, *[1] * (values.ndim - 1))).astype(np.int8)
        model.graph.initializer.remove(tensor)
        for suffix, array in (("int8", rounded), ("scale", scale), ("zero", np.zeros(len(scale), dtype=np.int8))):
            model.graph.initializer.append(numpy_helper.from_array(array, f"{tensor.name}_{suffix}"))
        inputs = [f"{tensor.name}_{suffix}" for suffix in ("int8", "scale", "zero")]
        nodes.append(helper.make_node("DequantizeLinear", inputs, [tensor.name], axis=0))
    for node in reversed(nodes):
        model.graph.node.insert(0, node)
    return bytes(model.SerializeToString())

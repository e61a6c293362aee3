"""8-bit weights in an ONNX graph."""

from __future__ import annotations

import logging
import tempfile
import warnings
from pathlib import Path

import numpy as np


def quantize_graph(graph: bytes) -> bytes:
    """Weights of matrix products become int8 with a scale for each output, and are multiplied as integers with inputs quantised
    as they come; weights of convolutions become int8 with a scale for each output channel, and are multiplied as floats.

    Convolutions hold few weights, but in 32 bits they would still be a good part of the file; integer convolutions are slow on CPUs.
    """
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

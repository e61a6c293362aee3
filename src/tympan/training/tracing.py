"""From a torch module to an ONNX graph."""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

OPSET = 20
FREE = torch.export.Dim.DYNAMIC


def traced(module: nn.Module, example: tuple[Any, ...], inputs: Sequence[str], outputs: Sequence[str], shapes: dict[str, Any]) -> bytes:
    """One module as a serialised ONNX graph.

    Args:
        module: the network; it is left in evaluation mode.
        example: arguments, of sizes that are no special ones.
        inputs, outputs: names of the graph's tensors.
        shapes: by the name of the module's argument, its axes that are `FREE`.
    """
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # tells of a torchvision that nobody needs
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder, torch.no_grad():
        warnings.simplefilter("ignore")
        path = Path(folder) / "graph.onnx"
        torch.onnx.export(
            module.eval(),
            example,
            path,
            input_names=inputs,
            output_names=outputs,
            dynamic_shapes=shapes,
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
        return without_traces(path.read_bytes())


def without_traces(graph: bytes) -> bytes:
    """The graph without the exporter's notes: stack traces with the paths of this machine, a part of the file's size."""
    import onnx

    model = onnx.load_model_from_string(graph)
    for holder in (model, model.graph, *model.graph.node, *model.graph.value_info, *model.graph.initializer):
        holder.ClearField("metadata_props")
        holder.ClearField("doc_string")
    return bytes(model.SerializeToString())

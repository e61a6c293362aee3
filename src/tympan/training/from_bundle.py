"""The weights of a network, read back out of a bundle's ONNX graph, so that a training can begin with it.

An exporter names, turns, splits and joins weights as it likes. So the network is exported once more with a mark in the place
of every weight, each of its own bit pattern; where a mark comes out in the new graph, there lies that weight in the bundle's.
The runtime then has to give with the bundle what torch gives with the weights found, or they are refused.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from tympan import features
from tympan.bundle import Bundle
from tympan.errors import BundleError
from tympan.models.families import build_model
from tympan.training.graphs import MAIN, trace_graphs
from tympan.training.proof import check_proof, proof_clips, prove

FIRST_MARK, LAST_MARK = 0x0DA24260, 0x1E3CE508  # 1e-30 and 1e-20: no constant of a graph lies between
ELSEWHERE = "Begin with the checkpoint (.safetensors) of the run that the bundle was exported from."

Array = npt.NDArray[np.float32]


def bundle_weights(path: str | Path) -> dict[str, torch.Tensor]:
    """Weights and running statistics of a bundle by their names in the network; of int8 weights, what they stand for.

    Raises:
        BundleError: the bundle cannot be read, or its graph is laid out otherwise than this version exports it.
    """
    bundle = Bundle.open(path)
    extractor = features.from_config(bundle.features)
    model = build_model(bundle.model["config"], extractor.num_features, len(bundle.tokens)).eval()
    marked = mark(model)
    values = np.full(marked, np.nan, dtype=np.float32)
    theirs = {MAIN: bundle.graph, **bundle.graphs}
    for name, graph in trace_graphs(model).items():
        for marks, array in zip(*aligned(initializers(graph), initializers(theirs[name])), strict=True):
            index = marks.reshape(-1).view(np.uint32).astype(np.int64) - FIRST_MARK
            own = (index >= 0) & (index < marked)
            values[index[own]] = array.reshape(-1)[own]
    if missing := int(np.isnan(values).sum()):
        raise BundleError(f"{missing:,} of the {marked:,} weights of {path} are not where this version of Tympan puts them.", ELSEWHERE)
    fill(model, values)
    int8 = bundle.model.get("weights") == "int8"
    check_proof(prove(model, bundle, proof_clips(extractor.sample_rate)), int8=int8)
    return {name: tensor.clone() for name, tensor in weights(model).items()}


def weights(model: nn.Module) -> dict[str, torch.Tensor]:
    """The network's floating-point tensors, in the order of its state."""
    return {name: tensor for name, tensor in model.state_dict().items() if tensor.dtype == torch.float32}


@torch.no_grad()
def mark(model: nn.Module) -> int:
    """Put a bit pattern of its own in the place of every weight; how many there are."""
    total = 0
    for tensor in weights(model).values():
        marks = FIRST_MARK + total + np.arange(tensor.numel(), dtype=np.int64)
        if marks.size and marks[-1] > LAST_MARK:
            raise BundleError("The bundle's network has more than 278 million weights.", ELSEWHERE)
        tensor.copy_(torch.from_numpy(marks.astype(np.uint32).view(np.float32)).view(tensor.shape))
        total += tensor.numel()
    return total


@torch.no_grad()
def fill(model: nn.Module, values: Array) -> None:
    """Give the weights their values, which lie behind each other."""
    start = 0
    for tensor in weights(model).values():
        tensor.copy_(torch.from_numpy(values[start : start + tensor.numel()]).view(tensor.shape))
        start += tensor.numel()


def aligned(places: dict[str, Array], found: dict[str, Array]) -> tuple[list[Array], list[Array]]:
    """Arrays of both graphs that belong together: those of one name and shape, then those of one shape in the order of their use.

    The exporter numbers what has no name of its own, and the numbers move with every operation that is added to the network.
    """
    named = [name for name, array in places.items() if name in found and found[name].shape == array.shape]
    firsts, seconds = [places[name] for name in named], [found[name] for name in named]
    waiting: dict[tuple[int, ...], list[Array]] = {}
    for name, array in found.items():
        if name not in named:
            waiting.setdefault(array.shape, []).append(array)
    for name, array in places.items():
        if name not in named and waiting.get(array.shape):
            firsts.append(array)
            seconds.append(waiting[array.shape].pop(0))
    return firsts, seconds


def initializers(graph: bytes) -> dict[str, Array]:
    """The float weights of an ONNX graph by name, in the order of their first use; quantised ones multiplied out."""
    import onnx
    from onnx import numpy_helper

    model = onnx.load_model_from_string(graph)
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    found: dict[str, Array] = {}
    for name in (name for node in model.graph.node for name in node.input):
        array = arrays.get(name)
        if array is None:
            continue
        if array.dtype == np.float32 and array.ndim and not name.endswith("_scale"):
            found.setdefault(name, array)
        elif name.endswith(("_quantized", "_int8")):
            found.setdefault(name.rpartition("_")[0], dequantized(name, arrays))
    return found


def dequantized(name: str, arrays: dict[str, npt.NDArray[Any]]) -> Array:
    """What the integers of a weight stand for; `quantize_graph` lays them out."""
    array, stem = arrays[name].astype(np.float32), name.rpartition("_")[0]
    scale = arrays[f"{stem}_scale"]
    if name.endswith("_int8"):  # of a convolution: a scale for each output channel
        return np.asarray(array * scale.reshape(-1, *[1] * (array.ndim - 1)), dtype=np.float32)
    zero = arrays[f"{stem}_zero_point"].astype(np.float32)  # of a matrix product: a scale for each column
    return np.asarray((array - zero) * scale, dtype=np.float32)

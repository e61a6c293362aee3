"""The ONNX graph of a CTC model that hears whole utterances and chunks with the same weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from tympan.models.ctc import CTCModel
from tympan.models.layers.past import Past, StreamState
from tympan.training.tracing import FREE, traced

ROWS, CHUNKS = 2, 3  # of the example
LARGEST = 1 << 28  # bytes of a constant


class Step(nn.Module):
    """features, lengths, heard, ends, memories -> log_probs, output_lengths, ends, and keys and values of the chunk's frames."""

    def __init__(self, model: CTCModel) -> None:
        super().__init__()
        self.model = model

    def forward(
        self,
        features: torch.Tensor,
        lengths: torch.Tensor,
        heard: torch.Tensor,
        ends: Sequence[torch.Tensor],
        memories: Sequence[torch.Tensor],
    ) -> tuple[torch.Tensor, ...]:
        past = Past(StreamState(heard, memories[0].shape[2], tuple(ends), tuple(memories)))
        log_probs, output_lengths = self.model.step(features, lengths, past)
        return (log_probs, output_lengths, *past.ends, *past.recent)


def factor(model: CTCModel) -> int:
    """Frames of features for one encoded frame."""
    frames = 1 << 10
    return frames // int(model.encoder.output_lengths(torch.tensor(frames)))


def first_state(model: CTCModel) -> StreamState:
    """What is kept after a chunk of zeros: for its shapes."""
    frames = factor(model)
    left: Any = model.encoder.left  # of encoders that are chunked
    past = Past(StreamState(torch.zeros(ROWS, dtype=torch.int64), left))
    with torch.no_grad():
        model.eval().step(torch.zeros(ROWS, frames, model.encoder.num_features), torch.full((ROWS,), frames), past)
        return past.after(1)


def describe_state(model: CTCModel) -> dict[str, Any]:
    """What the runtime must know: frames for an encoded one, and shapes of what it carries, without the axis of the batch."""
    state = first_state(model)
    return {
        "factor": factor(model),
        "ends": [list(each.shape[1:]) for each in state.ends],
        "memories": [list(each.shape[1:]) for each in state.memories],
    }


def trace_streaming(model: CTCModel) -> bytes:
    """The graph: any batch, any multiple of the factor as time, and memories of any length, of 1 for whole utterances."""
    state = first_state(model)
    frames = CHUNKS * factor(model)
    features = torch.randn(ROWS, frames, model.encoder.num_features)
    memories = [each[:, :, :5].contiguous() for each in state.memories]
    example = (features, torch.tensor([frames, frames - 3]), torch.tensor([4, 9]), list(state.ends), memories)
    shapes = {
        "features": {0: FREE, 1: FREE},
        "lengths": {0: FREE},
        "heard": {0: FREE},
        "ends": [{0: FREE}] * len(state.ends),
        "memories": [{0: FREE, 2: FREE}] * len(memories),
    }
    ends = [f"end_{index}" for index in range(len(state.ends))]
    kept = [f"memory_{index}" for index in range(len(memories))]
    outputs = ["log_probs", "output_lengths", *(f"next_{name}" for name in ends), *(f"recent_{name}" for name in kept)]
    return folded(traced(Step(model), example, ["features", "lengths", "heard", *ends, *kept], outputs, shapes))


def folded(graph: bytes) -> bytes:
    """The graph with what depends on weights alone computed, the transposed ones too, so that they can be quantised."""
    import onnx
    from onnxscript import ir, optimizer

    model = ir.serde.deserialize_model(onnx.load_model_from_string(graph))
    optimizer.fold_constants(model, onnx_shape_inference=False, input_size_limit=LARGEST, output_size_limit=LARGEST)
    optimizer.remove_unused_nodes(model)
    return bytes(ir.serde.serialize_model(model).SerializeToString())

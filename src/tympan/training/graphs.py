"""The ONNX graphs of a model: of CTC one, of other families an encoder and what runs for each token."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from tympan.models.attention import AttentionModel
from tympan.models.ctc import CTCModel
from tympan.models.neural_transducer import NeuralTransducerModel
from tympan.models.speech_model import SpeechModel
from tympan.models.transducer import TransducerModel
from tympan.training.attention_graphs import trace_listening, trace_speller
from tympan.training.streaming_graph import trace_streaming
from tympan.training.tracing import FREE, traced
from tympan.training.transducer_graphs import trace_encoder, trace_joiner, trace_predictor

MAIN = "model"  # the graph that takes features


def trace_ctc(model: SpeechModel) -> dict[str, bytes]:
    """features (B, T, F), lengths (B,) -> log_probs (B, T', V), output_lengths (B,); any batch and time."""
    example = (torch.randn(2, 200, model.encoder.num_features), torch.tensor([200, 133]))
    shapes = {"features": {0: FREE, 1: FREE}, "lengths": {0: FREE}}
    return {MAIN: traced(model, example, ["features", "lengths"], ["log_probs", "output_lengths"], shapes)}


def trace_attention(model: AttentionModel | NeuralTransducerModel) -> dict[str, bytes]:
    """What listens, and one step of the speller."""
    return {MAIN: trace_listening(model), "decoder": trace_speller(model.speller)}


def trace_transducer(model: TransducerModel) -> dict[str, bytes]:
    """The encoder, the predictor's step and the joiner; a CTC head beside them is for the training alone."""
    return {MAIN: trace_encoder(model.encoder), "predictor": trace_predictor(model.predictor), "joiner": trace_joiner(model)}


TRACES: dict[str, Callable[[Any], dict[str, bytes]]] = {
    "attention": trace_attention,
    "ctc": trace_ctc,
    "neural-transducer": trace_attention,
    "transducer": trace_transducer,
}


def trace_graphs(model: SpeechModel, *, chunks: bool = False) -> dict[str, bytes]:
    """The graphs of a model in evaluation mode by name: `MAIN`, and those that `tympan.bundle.GRAPHS` lists for its family.

    Args:
        chunks: the network of a CTC model hears chunks too.
    """
    if chunks and isinstance(model, CTCModel):
        return {MAIN: trace_streaming(model)}
    return TRACES[model.family](model)

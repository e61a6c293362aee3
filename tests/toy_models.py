"""Models that hear tones: whole bundles with a graph made by hand, so that a test decides what the network believes.

Each token but the blank has a tone of its own. The network is one matrix: the log energy of a token's band is its logit, less a
threshold, and the blank's logit is 0. So a louder tone is a surer token, and two tones at once are a doubt between two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tympan.bundle import Bundle
from tympan.features import Fbank80
from tympan.lm import Scorer
from tympan.tokens import TokenTable

RATE = 16_000
TONE_S, PAUSE_S = 0.06, 0.04
THRESHOLD = 1.0  # log energy of a band that is as probable as the blank
LOUDEST = 0.3
CHUNKS = {"chunk_sizes": [8, 32], "normalization": {"mode": "none"}, "factor": 1}
Samples = npt.NDArray[np.float32]


def tone(token: int, amplitude: float = LOUDEST) -> Samples:
    """The tone of a token; tokens from 1 to 16 are far enough apart for the filter bank."""
    mel = 500 + 140 * token
    frequency = 700 * (np.exp(mel / 1127) - 1)
    return (amplitude * np.sin(2 * np.pi * frequency * np.arange(int(TONE_S * RATE)) / RATE)).astype(np.float32)


def speak(table: TokenTable, text: str, doubts: Mapping[str, tuple[str, float]] | None = None) -> Samples:
    """The tones of a text's tokens with pauses between.

    Args:
        table: of the model.
        text: as `TokenTable.encode` takes it.
        doubts: token -> another one that sounds at the same time, and how loud: 1 is as loud.
    """
    pause = np.zeros(int(PAUSE_S * RATE), dtype=np.float32)
    parts = [pause, pause]
    for token in table.encode(text):
        other, loudness = (doubts or {}).get(table.tokens[token], ("", 0.0))
        parts += [tone(token) + (tone(table.index[other], LOUDEST * loudness) if other else 0), pause]
    return np.concatenate([*parts, pause]).astype(np.float32)


def make_bundle(path: Path, symbols: Sequence[str], kind: str = "characters", *, chunked: bool = False) -> Bundle:
    """A written bundle for these tokens, the blank not among them.

    Args:
        chunked: it says that it hears chunks of 80 or 320 ms. What it carries between them has no effect: a frame is all that it needs.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    table = TokenTable(("<blank>", *symbols), kind)
    weights = np.zeros((80, len(table)), dtype=np.float32)
    for token in range(1, len(table)):
        weights[int(Fbank80()(tone(token)).mean(axis=0).argmax()), token] = 1.0
    bias = np.full(len(table), -THRESHOLD, dtype=np.float32)
    bias[0] = 0.0
    assert (weights.sum(axis=1) <= 1).all(), "two tokens share a band"
    nodes = [
        helper.make_node("MatMul", ["features", "weights"], ["energies"]),
        helper.make_node("Add", ["energies", "bias"], ["logits"]),
        helper.make_node("LogSoftmax", ["logits"], ["log_probs"], axis=-1),
        helper.make_node("Identity", ["lengths"], ["output_lengths"]),
    ]
    inputs = [
        helper.make_tensor_value_info("features", TensorProto.FLOAT, ["B", "T", 80]),
        helper.make_tensor_value_info("lengths", TensorProto.INT64, ["B"]),
    ]
    outputs = [
        helper.make_tensor_value_info("log_probs", TensorProto.FLOAT, ["B", "T", len(table)]),
        helper.make_tensor_value_info("output_lengths", TensorProto.INT64, ["B"]),
    ]
    constants = [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(bias, "bias")]
    if chunked:
        constants.append(numpy_helper.from_array(np.array([1], np.int64), "heads"))
        nodes += [
            helper.make_node("Identity", ["end_0"], ["next_end_0"]),
            helper.make_node("ReduceMean", ["features"], ["means"], axes=[2], keepdims=1),
            helper.make_node("Unsqueeze", ["means", "heads"], ["recent_memory_0"]),
        ]
        inputs += [
            helper.make_tensor_value_info("heard", TensorProto.INT64, ["B"]),
            helper.make_tensor_value_info("end_0", TensorProto.FLOAT, ["B", 2, 3]),
            helper.make_tensor_value_info("memory_0", TensorProto.FLOAT, ["B", 1, "L", 1]),
        ]
        outputs += [
            helper.make_tensor_value_info("next_end_0", TensorProto.FLOAT, ["B", 2, 3]),
            helper.make_tensor_value_info("recent_memory_0", TensorProto.FLOAT, ["B", 1, "T", 1]),
        ]
    graph = helper.make_graph(nodes, "tones", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    facts: dict[str, Any] = {"family": "tones", "parameters": weights.size, "weights": "float32"}
    if chunked:
        facts["streaming"] = {**CHUNKS, "ends": [[2, 3]], "memories": [[1, 64, 1]]}
    bundle = Bundle(path, "tones", "en", {"name": "fbank80"}, {"mode": "none"}, table, 0.01, facts, {}, model.SerializeToString())
    bundle.write(path)
    return bundle


def make_scorer(path: Path, table: TokenTable, words: Mapping[str, Sequence[str]], log10: Mapping[str, float] | None = None) -> Scorer:
    """A scorer of a few words, saved with exact scores and opened.

    Args:
        path: of the file; the ARPA file is written beside it.
        table: of the model.
        words: word -> spellings, symbols parted by spaces; none for words that are spelled by their characters or pieces.
        log10: of words that are not as probable as the others.
    """
    arpa = path.with_suffix(".arpa")
    lines = [f"{(log10 or {}).get(word, -1.0)}\t{word}" for word in ("<unk>", "</s>", *words)]
    head = f"\\data\\\nngram 1={len(lines) + 1}\n\n\\1-grams:\n-99\t<s>\n"
    arpa.write_text(head + "\n".join(lines) + "\n\n\\end\\\n", encoding="utf-8")
    spelled = {word: [spelling.split() for spelling in spellings] for word, spellings in words.items()}
    Scorer.from_arpa(arpa, table, spelled if any(spelled.values()) else list(words)).save(path, bits=32)
    return Scorer.open(path)

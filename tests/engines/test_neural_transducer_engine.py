"""Neural transducers leave torch: graphs and search are those of torch, piece by piece too, and foreign bundles are told."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tympan.bundle import Bundle
from tympan.engines import NeuralTransducerEngine
from tympan.errors import BundleError
from tympan.features import from_config
from tympan.models import NeuralTransducerModel, build_neural_transducer
from tympan.recognizer import Recognizer
from tympan.tokens import TokenTable
from tympan.training.export import frame_shift
from tympan.training.from_bundle import bundle_weights
from tympan.training.graphs import MAIN, trace_graphs
from tympan.training.proof import check_proof, proof_clips, prove

TABLE = TokenTable(("<blank>", *" abcd"))
CONFIG: dict[str, Any] = {
    "encoder": {"name": "pyramidal_blstm", "dim": 6, "pyramid": 2},
    "decoder": {"dim": 10, "embedding_dim": 4, "attention_dim": 8, "heads": 2, "layers": 2},
    "block": {"frames": 5, "back": 3, "tokens": 4},
    "head": {"unfold": 2},
}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[NeuralTransducerModel, Bundle]:
    torch.manual_seed(3)
    model = build_neural_transducer(CONFIG, 80, len(TABLE)).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.2 * torch.randn_like(weight))
        model.speller.output.weight *= 3  # an untrained network that is sure of something
    graphs, extractor = trace_graphs(model), from_config({"name": "fbank80"})
    facts = {"family": model.family, "config": {"family": model.family, **CONFIG}, "parameters": 1, "weights": "float32"}
    facts["blocks"] = asdict(model.blocks)
    path = tmp_path_factory.mktemp("bundles") / "m.tympan"
    shift = frame_shift(model, extractor)
    config = dict(extractor.config())
    Bundle(path, "m", "en", config, {"mode": "utterance"}, TABLE, shift, facts, {}, graphs.pop(MAIN), "", None, graphs).write(path)
    return model, Bundle.open(path)


def test_what_a_bundle_finds_is_what_torch_finds(exported: tuple[NeuralTransducerModel, Bundle]) -> None:
    model, bundle = exported
    clips = proof_clips(16_000)[:3]
    check_proof(prove(model, bundle, clips), int8=False)
    recognizer = Recognizer(bundle, threads=1, beam_size=3)
    for clip in clips:
        words = recognizer.transcribe(clip, 16_000).words
        assert all(0 <= word.start < word.end <= len(clip) / 16_000 for word in words)


def test_pieces_of_what_was_heard_give_the_same_bits(exported: tuple[NeuralTransducerModel, Bundle]) -> None:
    recognizer = Recognizer(exported[1], threads=1, beam_size=4)
    engine, emitted = recognizer.engine, recognizer.emit(proof_clips(16_000)[2])
    assert isinstance(engine, NeuralTransducerEngine)
    whole = engine.search(emitted, 4)
    for size in (1, 4, 7, 50):
        search = engine.decoder.begin(engine.network)
        for first in range(0, len(emitted), size):
            search.accept(emitted.keys[:, :, first : first + size], emitted.values[:, :, first : first + size])
        assert search.finish(4) == whole
    assert whole[0].tokens


def test_weights_come_back_out_of_a_bundle(exported: tuple[NeuralTransducerModel, Bundle]) -> None:
    found = bundle_weights(exported[1].path)
    assert [name for name, tensor in exported[0].state_dict().items() if not torch.equal(tensor, found[name])] == []


@pytest.mark.parametrize("blocks", [None, {"frames": 0, "back": 0, "tokens": 1}, {"frames": 2}, {"frames": 1e9, "back": 1, "tokens": 2}])
def test_blocks_that_cannot_be_are_refused(exported: tuple[NeuralTransducerModel, Bundle], tmp_path: Path, blocks: Any) -> None:
    foreign = replace(exported[1], model={**exported[1].model, "blocks": blocks})
    foreign.write(tmp_path / "foreign.tympan")
    with pytest.raises(BundleError, match=r"foreign\.tympan: its blocks are"):
        Recognizer(Bundle.open(tmp_path / "foreign.tympan"), threads=1)


def test_a_clip_too_short_for_a_frame_says_nothing(exported: tuple[NeuralTransducerModel, Bundle]) -> None:
    recognizer = Recognizer(exported[1], threads=1)
    assert recognizer.decode(recognizer.emit(np.zeros(5, np.float32))) == []
    assert recognizer.describe_search().startswith("neural-transducer, beam size 8, threshold 14")

"""Attention models leave torch: graphs, search and places are those of torch, and foreign graphs are told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from toy_models import make_bundle
from toy_neural import bigram_file, follows
from tympan.bundle import Bundle
from tympan.cli.explain import explain
from tympan.decoding import AttentionDecoder, Hypothesis, SearchOptions
from tympan.engines.listening import Listened
from tympan.errors import BundleError, TokenError, TympanError
from tympan.features import from_config
from tympan.lm import NeuralLM
from tympan.models import AttentionModel, build_attention
from tympan.models.speller_network import TorchSpeller
from tympan.recognizer import Recognizer
from tympan.tokens import TokenTable
from tympan.training.export import frame_shift
from tympan.training.from_bundle import bundle_weights
from tympan.training.graphs import MAIN, trace_graphs
from tympan.training.proof import check_proof, proof_clips, prove
from tympan.training.quantize import quantize_graph

TABLE = TokenTable(("<blank>", *" abcd"))
DECODER: dict[str, Any] = {"dim": 10, "embedding_dim": 4, "attention_dim": 8, "filters": 2, "kernel": 5}
BLSTM: dict[str, Any] = {"name": "pyramidal_blstm", "dim": 6, "pyramid": 2}
CONFORMER: dict[str, Any] = {"name": "conformer", "dim": 8, "layers": 1, "heads": 2, "kernel": 3, "subsampling": 4}
CASES: dict[str, dict[str, Any]] = {
    "location": {"encoder": BLSTM, "decoder": {**DECODER, "heads": 2, "layers": 2}, "head": {"unfold": 2}},
    "dot": {"encoder": BLSTM, "decoder": {**DECODER, "attention": "dot"}, "ctc_head": False},
    "mlp": {"encoder": CONFORMER, "decoder": {**DECODER, "attention": "mlp"}},
}


def network(case: str) -> AttentionModel:
    torch.manual_seed(2)
    model = build_attention(CASES[case], 80, len(TABLE)).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.2 * torch.randn_like(weight))
        model.speller.output.weight *= 3  # an untrained network that is sure of something,
        model.speller.output.bias[0] -= 6  # and in no hurry to end
    return model


def bundle_of(model: AttentionModel, case: str, path: Path) -> Bundle:
    graphs = trace_graphs(model)
    extractor = from_config({"name": "fbank80"})
    facts = {"family": "attention", "config": {"family": "attention", **CASES[case]}, "parameters": 1, "weights": "float32"}
    front, shift = dict(extractor.config()), frame_shift(model, extractor)
    bundle = Bundle(path, "m", "en", front, {"mode": "utterance"}, TABLE, shift, facts, {}, graphs.pop(MAIN), "", None, graphs)
    bundle.write(path)
    return Bundle.open(path)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[AttentionModel, Bundle]:
    """The most that there is, and its bundle."""
    model = network("location")
    return model, bundle_of(model, "location", tmp_path_factory.mktemp("bundles") / "m.tympan")


def runs_as_torch(model: AttentionModel, bundle: Bundle) -> None:
    clips = proof_clips(16_000)[:3]
    check_proof(prove(model, bundle, clips), int8=False)
    recognizer = Recognizer(bundle, threads=1, beam_size=3)
    features = recognizer.normalization(recognizer.extractor(clips[1]))
    with torch.no_grad():
        encoded, lengths = model.encoder(torch.from_numpy(features)[None], torch.tensor([len(features)]))
        framewise = None if model.head is None else model.head(encoded)[0].numpy()
    assert isinstance(recognizer.decoder, AttentionDecoder)
    wanted = recognizer.decoder.decode(TorchSpeller(model.speller, encoded[0, : lengths[0]]), 3, framewise)
    emitted = recognizer.emit(clips[1])
    found = recognizer.engine.search(emitted, 3)
    assert [hypothesis.tokens for hypothesis in found] == [hypothesis.tokens for hypothesis in wanted]
    assert [hypothesis.score for hypothesis in found] == pytest.approx([hypothesis.score for hypothesis in wanted], abs=1e-3)
    assert [hypothesis.timesteps for hypothesis in found] == [hypothesis.timesteps for hypothesis in wanted]
    assert wanted[0].tokens
    words = recognizer.transcribe(clips[1], 16_000).words
    assert all(0 <= word.start < word.end <= len(clips[1]) / 16_000 for word in words)


def test_what_a_bundle_finds_is_what_torch_finds(exported: tuple[AttentionModel, Bundle]) -> None:
    runs_as_torch(*exported)


@pytest.mark.long
@pytest.mark.parametrize("case", ["dot", "mlp"])
def test_every_attention_and_encoder_leaves_torch_unchanged(case: str, tmp_path: Path) -> None:
    model = network(case)
    runs_as_torch(model, bundle_of(model, case, tmp_path / "m.tympan"))


@pytest.mark.long
@pytest.mark.parametrize("case", CASES)
def test_weights_come_back_out_of_a_bundle(case: str, tmp_path: Path) -> None:
    model = network(case)
    found = bundle_weights(bundle_of(model, case, tmp_path / "m.tympan").path)
    assert [name for name, tensor in model.state_dict().items() if not torch.equal(tensor, found[name])] == []


def test_eight_bits_are_near(exported: tuple[AttentionModel, Bundle], tmp_path: Path) -> None:
    model, bundle = exported
    graphs = {name: quantize_graph(graph) for name, graph in bundle.graphs.items()}
    small = replace(bundle, graph=quantize_graph(bundle.graph), graphs=graphs, model={**bundle.model, "weights": "int8"})
    small.write(tmp_path / "small.tympan")
    check_proof(prove(model, Bundle.open(tmp_path / "small.tympan"), proof_clips(16_000)[:2]), int8=True)


def test_a_neural_language_model_joins_at_every_token(exported: tuple[AttentionModel, Bundle], tmp_path: Path) -> None:
    rows = follows(TABLE, [("", "c", 0.97), ("c", "", 0.97)])
    rows[rows <= 0] = 1e-6
    bigram_file(TABLE, rows).write(tmp_path / "c.nlm")
    samples = proof_clips(16_000)[1]
    alone = Recognizer(exported[1], threads=1)
    fused = Recognizer(exported[1], threads=1, fuse=tmp_path / "c.nlm", search=SearchOptions(fuse_weight=50.0, fuse_token_score=1.0))
    assert "c.nlm fused, fuse_weight 50" in fused.describe_search()
    assert fused.search_settings()["fuse_token_score"] == 1.0
    best = fused.decode(fused.emit(samples))[0]
    before = alone.decode(alone.emit(samples))[0]
    assert best.text.startswith("c") and best.text != before.text and before.neural_score == 0.0
    parts = explain(fused, list(fused.decoded(samples, 16_000, 3)))[0]["hypotheses"][0]
    assert parts["total"] == pytest.approx(parts["acoustic"] + parts["lm"] + parts["words"] + parts["hot_words"] + parts["neural"])
    assert parts["neural"] == pytest.approx(50.0 * best.neural_score + len(best.tokens), abs=1e-4)
    assert parts["words"] == pytest.approx(0.0, abs=1e-4)


def test_ctc_cannot_be_joined(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "ctc.tympan", (" ", "a", "b"))
    size = len(bundle.tokens)
    with pytest.raises(TokenError, match="A CTC search cannot follow a neural language model"):
        Recognizer(bundle, threads=1, fuse=NeuralLM(bigram_file(bundle.tokens, np.full((size, size), 1 / size))))


def test_a_clip_too_short_for_a_frame_says_nothing_and_hot_words_are_refused(exported: tuple[AttentionModel, Bundle]) -> None:
    recognizer = Recognizer(exported[1], threads=1)
    assert recognizer.decode(recognizer.emit(np.zeros(5, np.float32))) == []
    assert recognizer.describe_search().startswith("attention, beam size 8, threshold 14, no scorer")
    with pytest.raises(TympanError, match="knows no hot words"):
        Recognizer(exported[1], threads=1, hot_words={"ab": 1.0})


def test_the_ctc_head_places_tokens_that_fit_into_its_frames_and_the_speller_the_rest(exported: tuple[AttentionModel, Bundle]) -> None:
    engine = Recognizer(exported[1], threads=1).engine
    log_probs = np.full((6, len(TABLE)), -9.0, np.float32)  # two for each of three encoded frames
    log_probs[[0, 1, 2, 3, 4, 5], [0, 2, 0, 2, 2, 0]] = 0.0
    emitted = Listened(np.zeros((1, 2, 3, 4), np.float32), np.zeros((1, 2, 3, 6), np.float32), log_probs)
    looked = Hypothesis((2, 2), -1.0, -1.0, timesteps=(0, 2), ends=(1, 3), token_log_probs=(-0.3, -0.7))
    placed = engine.place(emitted, looked)
    assert (placed.timesteps, placed.ends, placed.token_log_probs) == ((0, 1), (1, 3), (-0.3, -0.7))
    long = replace(looked, tokens=(2, 2, 2, 2))  # four tokens and three blanks between them
    assert engine.place(emitted, long) == long
    assert engine.place(replace(emitted, log_probs=None), looked) == looked


def test_graphs_that_were_exchanged_are_told(exported: tuple[AttentionModel, Bundle]) -> None:
    _, bundle = exported
    with pytest.raises(BundleError, match="inputs are"):
        Recognizer(replace(bundle, graphs={"decoder": bundle.graph}), threads=1)
    with pytest.raises(BundleError, match="inputs are"):
        Recognizer(replace(bundle, graph=bundle.graphs["decoder"]), threads=1)

"""A transducer's bundle: exported, searched without torch, refused where it is damaged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tympan.bundle import Bundle
from tympan.decoding import TransducerDecoder, transducer_greedy
from tympan.errors import BundleError, TympanError
from tympan.lm import build as build_scorer
from tympan.models.families import build_model
from tympan.models.transducer_networks import TorchNetworks
from tympan.recognizer import Recognizer
from tympan.tokens import TokenTable
from tympan.training.graphs import MAIN, trace_graphs
from tympan.training.proof import check_proof, proof_clips, prove

TABLE = TokenTable(("<blank>", " ", "a", "b", "c"))
CONFIG: dict[str, Any] = {
    "family": "transducer",
    "encoder": {"name": "conformer", "dim": 16, "layers": 1, "heads": 2, "kernel": 3, "subsampling": 4},
    "predictor": {"name": "lstm", "embedding_dim": 4, "dim": 8},
    "joiner": {"dim": 16},
    "ctc_head": False,
}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """A network that is sure of something, and its bundle."""
    torch.manual_seed(3)
    model: Any = build_model(CONFIG, 80, len(TABLE)).eval()
    with torch.no_grad():
        model.joiner.output.weight *= 6
    graphs = trace_graphs(model)
    path = tmp_path_factory.mktemp("transducer") / "t.tympan"
    facts = {"family": "transducer", "config": CONFIG, "parameters": 1, "weights": "float32"}
    front = {"name": "fbank80"}, {"mode": "utterance"}
    Bundle(path, "t", "en", *front, TABLE, 0.04, facts, {}, graphs.pop(MAIN), "", None, graphs).write(path)
    return model, path


def samples(seconds: float) -> Any:
    return (0.1 * np.random.default_rng(0).standard_normal(int(seconds * 16_000))).astype(np.float32)


def test_bundle_gives_what_torch_gives(exported: tuple[Any, Path]) -> None:
    model, path = exported
    proof = prove(model, Bundle.open(path), proof_clips(16_000)[:3])
    check_proof(proof, int8=False)
    assert proof.clips == 3 and proof.texts_differ == 0


def test_network_of_other_weights_is_told_apart(exported: tuple[Any, Path]) -> None:
    path = exported[1]
    torch.manual_seed(4)
    other = build_model(CONFIG, 80, len(TABLE)).eval()
    with pytest.raises(TympanError, match="differs from torch by"):
        check_proof(prove(other, Bundle.open(path), proof_clips(16_000)[:2]), int8=False)


def test_recogniser_finds_what_the_searches_find_with_torch(exported: tuple[Any, Path]) -> None:
    model, path = exported
    greedy, beam = Recognizer(Bundle.open(path), threads=1), Recognizer(Bundle.open(path), threads=1, beam_size=4)
    sound = samples(1.3)
    features = torch.from_numpy(greedy.normalization(greedy.extractor(sound)))
    with torch.no_grad():
        encoded = model.encoder(features[None], torch.tensor([len(features)]))[0][0].numpy()
    networks = TorchNetworks(model)
    (found,) = greedy.decode(greedy.emit(sound))
    assert found.tokens == transducer_greedy(networks, encoded).tokens != ()
    assert greedy.describe_search() == "greedy" and "transducer, beam size 4" in beam.describe_search()
    wanted = TransducerDecoder(networks, TABLE, beam_size=4, beam_threshold=beam.search.beam_threshold).decode(encoded, nbest=3)
    hypotheses = beam.decode(beam.emit(sound), nbest=3)
    assert [one.text for one in hypotheses] == [one.text for one in wanted]
    assert [one.timesteps for one in hypotheses] == [one.timesteps for one in wanted]
    words = greedy.transcribe(sound).segments[0].words
    assert all(0 <= word.start <= word.end <= 1.4 for word in words) and words


def test_scorer_lifts_the_text_whose_words_it_knows(exported: tuple[Any, Path]) -> None:
    bundle = Bundle.open(exported[1])
    alone = Recognizer(bundle, threads=1, beam_size=8)
    texts = [one.text for one in alone.decode(alone.emit(samples(1.0)), nbest=4)]
    wanted = texts[2]
    scorer = build_scorer([wanted], order=2, prune=(0,), tokens=TABLE)
    recognizer = Recognizer(bundle, threads=1, scorer=scorer, lm_weight=0.5, word_score=0.0, beam_size=8)
    assert recognizer.transcribe(samples(1.0)).text == wanted != alone.transcribe(samples(1.0)).text


def test_nothing_is_heard_where_no_frame_is(exported: tuple[Any, Path]) -> None:
    recognizer = Recognizer(Bundle.open(exported[1]), threads=1)
    assert recognizer.transcribe(samples(0.005)).text == ""


def test_what_needs_log_probs_by_frames_is_told(exported: tuple[Any, Path]) -> None:
    with pytest.raises(BundleError, match="family transducer, and this needs log_probs by frames"):
        Recognizer(Bundle.open(exported[1]), threads=1).log_probs(samples(1.0))


def test_hot_words_are_refused(exported: tuple[Any, Path]) -> None:
    with pytest.raises(TympanError, match="family transducer knows no hot words"):
        Recognizer(Bundle.open(exported[1]), threads=1, hot_words={"ab": 3.0})


def test_exchanged_graphs_are_refused(exported: tuple[Any, Path], tmp_path: Path) -> None:
    bundle = Bundle.open(exported[1])
    graphs = {"predictor": bundle.graphs["joiner"], "joiner": bundle.graphs["predictor"]}
    path = tmp_path / "exchanged.tympan"
    front = dict(bundle.features), dict(bundle.normalization)
    Bundle(path, "t", "en", *front, TABLE, 0.04, bundle.model, {}, bundle.graph, "", None, graphs).write(path)
    with pytest.raises(BundleError, match=r"exchanged\.tympan: The predictor takes"):
        Recognizer(Bundle.open(path), threads=1)


def test_graphs_that_do_not_fit_together_are_a_sentence(exported: tuple[Any, Path], tmp_path: Path) -> None:
    bundle = Bundle.open(exported[1])
    torch.manual_seed(0)
    other = trace_graphs(build_model({**CONFIG, "joiner": {"dim": 8}, "predictor": {"name": "stateless", "dim": 4}}, 80, len(TABLE)))
    graphs = {"predictor": other["predictor"], "joiner": bundle.graphs["joiner"]}
    path = tmp_path / "mixed.tympan"
    front = dict(bundle.features), dict(bundle.normalization)
    Bundle(path, "t", "en", *front, TABLE, 0.04, bundle.model, {}, bundle.graph, "", None, graphs).write(path)
    with pytest.raises(BundleError, match=r"mixed\.tympan: the network cannot be run"):
        Recognizer(Bundle.open(path), threads=1).transcribe(samples(1.0))

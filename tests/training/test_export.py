"""Every architecture leaves torch and stays what it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from toy_models import make_scorer
from tympan import features
from tympan.bundle import CHUNKS_FORMAT, Bundle
from tympan.engines import CTCEngine
from tympan.errors import TokenError, TympanError
from tympan.models.build import build
from tympan.recognizer import Recognizer
from tympan.tokens import TokenTable
from tympan.training import export
from tympan.training.checkpoint import Checkpoint, save_checkpoint
from tympan.training.proof import PROOF_SECONDS, Proof, check_proof

TOKENS = TokenTable.from_texts(["abcdefgh ij"])
Array = npt.NDArray[np.float32]
SMALL: dict[str, dict[str, Any]] = {
    "conformer": {"name": "conformer", "dim": 32, "layers": 2, "expansion": 2, "subsampling": 8, "taps": [1]},
    "crnn_assembly": {"name": "crnn_assembly", "channels": 4, "blocks": 1, "rnn_layers": 1, "rnn_dim": 16},
    "crnn_dredwardhyde": {"name": "crnn_dredwardhyde", "channels": 4, "blocks": 1, "rnn_layers": 1, "rnn_dim": 16},
    "crnn_assembly_faithful": {"name": "crnn_assembly", "channels": 4, "blocks": 1, "rnn_layers": 2, "rnn_dim": 16, "faithful": True},
    "deepspeech2_keras": {"name": "deepspeech2_keras", "channels": 4, "rnn_layers": 1, "rnn_dim": 16},
}


def checkpoint_of(path: Path, encoder: str, seed: int = 0, *, chunks: bool = False) -> Path:
    """A checkpoint of an untrained small network, which may have learnt to hear chunks."""
    torch.manual_seed(seed)
    config = {"encoder": SMALL[encoder], "head": {"unfold": 2} if encoder == "conformer" else {}, "condition": encoder == "conformer"}
    model = build(config, 80, len(TOKENS))
    with torch.no_grad():
        model.head.layers[-1].weight.mul_(8)  # as sure of itself as a trained one, so that texts are not decided by the last bit
    recipe = {"name": "small", "language": "en", "normalization": {"mode": "utterance"}, "data": {"dev": ["nowhere.jsonl"]}}
    facts = {
        "recipe": recipe,
        "tokens": TOKENS.to_dict(),
        "model": config,
        "features": {"name": "fbank80"},
        "history": [{"wer": 1.0}],
        "hours": 0.1,
        "dev_hours": 0.1,
        "batch": 0,
        "average_steps": 0,
        "epoch": 1,
        "step": 2,
        "version": "0",
        "streaming": {"chunk_sizes": [2, 4], "normalization": {"mode": "none"}} if chunks else {},
    }
    save_checkpoint(path, Checkpoint(model.state_dict(), {}, {}, torch.get_rng_state(), facts))
    return path


# One of each kind; the others are long.
QUICK = ("conformer", "crnn_assembly")


@pytest.mark.parametrize("encoder", [each if each in QUICK else pytest.param(each, marks=pytest.mark.long) for each in sorted(SMALL)])
@pytest.mark.parametrize("int8", [False, True])
def test_bundle_gives_what_torch_gives_at_lengths_not_seen_at_export(encoder: str, int8: bool, tmp_path: Path) -> None:
    checkpoint = checkpoint_of(tmp_path / "best.safetensors", encoder)
    proof = export.export(checkpoint, tmp_path / "small.tympan", int8=int8)
    assert proof.clips == len(PROOF_SECONDS)
    recognizer = Recognizer(Bundle.open(tmp_path / "small.tympan"), threads=1)
    model, extractor, _ = export.restore_model(export.load_checkpoint(checkpoint))
    samples = np.random.default_rng(1).standard_normal(12_345).astype(np.float32)
    frames = recognizer.normalization(extractor(samples))
    with torch.no_grad():
        expected, lengths = model(torch.from_numpy(frames)[None], torch.tensor([len(frames)]))
    found = recognizer.log_probs(samples)
    assert found.shape == expected.shape[1:] == (int(lengths[0]), len(TOKENS))
    if int8:
        assert np.abs(np.exp(found) - expected[0].exp().numpy()).max() < 0.2
    else:
        np.testing.assert_allclose(found, expected[0].numpy(), atol=1e-4)


@pytest.mark.parametrize("int8", [pytest.param(False, marks=pytest.mark.long), True])
def test_network_that_hears_chunks_hears_whole_utterances_too_and_no_stream_hears_another(int8: bool, tmp_path: Path) -> None:
    """Each stream's log_probs are the same to the bit alone, in a batch, and in a batch whose other streams end."""
    checkpoint = checkpoint_of(tmp_path / "best.safetensors", "conformer", chunks=True)
    export.export(checkpoint, tmp_path / "small.tympan", int8=int8)
    bundle = Bundle.open(tmp_path / "small.tympan")
    assert bundle.format == CHUNKS_FORMAT
    recognizer = Recognizer(bundle, threads=1)
    assert isinstance(recognizer.engine, CTCEngine) and recognizer.engine.chunks is not None
    network = recognizer.engine.chunks
    rng = np.random.default_rng(0)
    streams = [rng.standard_normal((frames, 80)).astype(np.float32) for frames in (640, 200, 333)]

    def alone(features: Array) -> Array:
        state = network.begin()
        return np.concatenate([network.step([state], [features[at : at + 32]], 4)[0] for at in range(0, len(features), 32)])

    states, together = [network.begin() for _ in streams], [[] for _ in streams]  # type: list, list[list[Array]]
    for at in range(0, 640, 32):
        rows = [row for row, features in enumerate(streams) if at < len(features)]
        for row, log_probs in zip(
            rows, network.step([states[row] for row in rows], [streams[row][at : at + 32] for row in rows], 4), strict=True
        ):
            together[row].append(log_probs)
    for stream, found in zip(streams, together, strict=True):
        np.testing.assert_array_equal(np.concatenate(found), alone(stream))

    model, _, _ = export.restore_model(export.load_checkpoint(checkpoint))
    with torch.no_grad():
        chunked = model.run(torch.from_numpy(streams[0])[None], torch.tensor([640]), torch.tensor([4])).log_probs[0].numpy()
        whole = model(torch.from_numpy(streams[2])[None], torch.tensor([333]))[0][0].numpy()
    tolerance = 0.2 if int8 else 1e-4
    np.testing.assert_allclose(np.exp(alone(streams[0])), np.exp(chunked), atol=tolerance)
    np.testing.assert_allclose(np.exp(network.whole(streams[2])), np.exp(whole), atol=tolerance)


def test_network_that_differs_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = checkpoint_of(tmp_path / "best.safetensors", "conformer")
    other = export.restore_model(export.load_checkpoint(checkpoint_of(tmp_path / "other.safetensors", "conformer", seed=1)))[0]
    true_trace = export.trace_graphs
    monkeypatch.setattr(export, "trace_graphs", lambda model, **options: true_trace(other, **options))
    with pytest.raises(TympanError, match="differs from torch by"):
        export.export(checkpoint, tmp_path / "wrong.tympan")
    assert not (tmp_path / "wrong.tympan").exists()


@pytest.mark.parametrize(
    ("log_probs", "probabilities", "texts", "good"),
    [
        (9e-5, 9e-5, 0, True),
        (9e-5, 1e-5, 1, False),
        (9e-4, 9e-5, 0, True),
        (9e-4, 2e-4, 0, False),
        (2e-3, 1e-6, 0, False),
        (np.nan, 0.0, 0, False),
    ],
)
def test_what_rounding_does_is_allowed_and_no_more(log_probs: float, probabilities: float, texts: int, good: bool) -> None:
    found = Proof(24, log_probs, probabilities, 0.0, texts)
    if good:
        check_proof(found, int8=False)
        return
    with pytest.raises(TympanError, match="no bundle was written"):
        check_proof(found, int8=False)


def test_frame_shift_is_that_of_the_subsampled_and_unfolded_frames(tmp_path: Path) -> None:
    model, extractor, _ = export.restore_model(export.load_checkpoint(checkpoint_of(tmp_path / "best.safetensors", "conformer")))
    assert isinstance(extractor, features.Extractor)
    assert export.frame_shift(model, extractor) == pytest.approx(0.04)  # 10 ms x 8 / 2


def test_bundle_names_no_path_of_the_machine_that_made_it(tmp_path: Path) -> None:
    export.export(checkpoint_of(tmp_path / "best.safetensors", "conformer"), tmp_path / "small.tympan")
    bundle = (tmp_path / "small.tympan").read_bytes()
    for folder in (Path(export.__file__).parent, Path(torch.__file__).parent, tmp_path):
        assert str(folder).encode() not in bundle


def test_scorer_goes_into_the_bundle_as_it_is(tmp_path: Path) -> None:
    scorer = make_scorer(tmp_path / "words.scorer", TOKENS, {"bad": [], "cafe": []})
    path = tmp_path / "words.scorer"
    export.export(checkpoint_of(tmp_path / "best.safetensors", "crnn_assembly"), tmp_path / "small.tympan", scorer=path)
    bundle = Bundle.open(tmp_path / "small.tympan")
    assert bundle.scorer is not None
    file, offset, length = bundle.scorer
    assert file.read_bytes()[offset : offset + length] == path.read_bytes()
    inside = Recognizer(bundle, threads=1).scorer
    assert inside is not None and (inside.words, inside.lm_weight) == (scorer.words, scorer.lm_weight)


def test_scorer_of_other_tokens_is_refused_before_the_network_is_traced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_scorer(tmp_path / "other.scorer", TokenTable.from_texts(["xyz "]), {"xyz": []})
    monkeypatch.setattr(export, "trace_graphs", lambda model, **options: pytest.fail("the network was traced"))
    with pytest.raises(TokenError, match=r"other\.scorer was made for other tokens"):
        export.export(
            checkpoint_of(tmp_path / "best.safetensors", "conformer"), tmp_path / "small.tympan", scorer=tmp_path / "other.scorer"
        )
    assert not (tmp_path / "small.tympan").exists()

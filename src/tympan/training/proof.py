"""Whether a bundle gives what torch gives: clips run through both worlds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from tympan import audio
from tympan.bundle import Bundle
from tympan.data.manifest import read_manifest
from tympan.decoding import TransducerNetworks, greedy, transducer_greedy
from tympan.engines import AttentionEngine, CTCEngine, NeuralTransducerEngine, TransducerEngine
from tympan.engines.chunks import ChunkedNetwork
from tympan.errors import AudioError, ManifestError, TympanError
from tympan.models.speech_model import SpeechModel
from tympan.models.spellers import EDGE
from tympan.models.transducer_networks import TorchNetworks
from tympan.recognizer import Recognizer
from tympan.tokens import BLANK
from tympan.training.block_alignment import with_edges

TOLERANCE = 1e-4  # of log_probs, float32 weights
ROUGH = 1e-3  # of log_probs where the probabilities keep to TOLERANCE: bands without sound, once normalised, can enlarge what rounding does
INT8_TOLERANCE = 0.1  # share of frames whose best token differs; more means that the quantised graph is broken, not merely coarser
DEV_CLIPS = 20
PROOF_TOKENS = 40  # of an attention model; an untrained one would write for ever
PROOF_SECONDS = (0.3, 1.7, 4.1, 9.7)  # none of them is the length of the example that is traced

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Proof:
    """What the comparison of both worlds gave.

    Attributes:
        clips: compared.
        log_prob_difference: largest absolute difference of log_probs.
        probability_difference: largest absolute difference of probabilities.
        frames_differ: share of frames whose best token differs.
        texts_differ: clips whose greedy texts differ.
    """

    clips: int
    log_prob_difference: float
    probability_difference: float
    frames_differ: float
    texts_differ: int


def proof_clips(sample_rate: int) -> list[npt.NDArray[np.float32]]:
    """Recordings for the proof: coloured noise that rises and falls like syllables."""
    rng = np.random.default_rng(0)
    clips = []
    for seconds in PROOF_SECONDS:
        count = int(seconds * sample_rate)
        times = np.arange(count) / sample_rate
        voice = np.sin(2 * np.pi * 120 * times + 3 * np.sin(2 * np.pi * 4 * times)) * (1 + np.sin(2 * np.pi * 3 * times))
        clips.append((0.1 * voice + 0.02 * rng.standard_normal(count)).astype(np.float32))
    return clips


def dev_clips(recipe: dict[str, Any], sample_rate: int) -> list[npt.NDArray[np.float32]]:
    """The first recordings of the recipe's dev manifests, as far as they are still there."""
    clips: list[npt.NDArray[np.float32]] = []
    for manifest in recipe["data"]["dev"]:
        try:
            clips += [audio.read(utterance.audio, sample_rate) for utterance in read_manifest(manifest)[: DEV_CLIPS - len(clips)]]
        except (ManifestError, AudioError):
            continue  # a checkpoint may be exported far from its data; the clips made here remain
    return clips


@dataclass(frozen=True)
class Rows:
    """One clip through both worlds: log_probs (n, V), and whether the texts are one."""

    expected: Array
    found: Array
    same_text: bool


def ctc_rows(model: Any, runtime: Recognizer, features: Array) -> Rows:
    """Log_probs by frames, and the greedy texts."""
    with torch.no_grad():
        log_probs, lengths = model(torch.from_numpy(features)[None], torch.tensor([len(features)]))
    expected = log_probs[0, : int(lengths[0])].numpy()
    found = runtime.engine.emit(features)
    same = expected.shape != found.shape or greedy(expected).tokens == greedy(found).tokens
    if isinstance(runtime.engine, CTCEngine) and runtime.engine.chunks is not None:
        rows = chunk_rows(model, runtime.engine.chunks, features)
        return Rows(np.concatenate([expected, rows.expected]), np.concatenate([found, rows.found]), same and rows.same_text)
    return Rows(expected, found, same)


def chunk_rows(model: Any, network: ChunkedNetwork, features: Array) -> Rows:
    """The same, heard in the smallest chunks of the training."""
    size = network.geometry.chunk_sizes[0]
    with torch.no_grad():
        heard = model.run(torch.from_numpy(features)[None], torch.tensor([len(features)]), torch.tensor([size]))
    expected = heard.log_probs[0, : int(heard.lengths[0])].numpy()
    state, frames = network.begin(), size * network.geometry.factor
    found = np.concatenate([network.step([state], [features[at : at + frames]], size)[0] for at in range(0, len(features), frames)])
    return Rows(expected, found, expected.shape != found.shape or greedy(expected).tokens == greedy(found).tokens)


def attention_rows(model: Any, runtime: Recognizer, features: Array) -> Rows:
    """Log_probs along the beginning of what torch writes, and of the CTC head where there is one; the text is one if the runtime, after
    each token of it, would write the next."""
    with torch.no_grad():
        encoded, lengths = model.encoder(torch.from_numpy(features)[None], torch.tensor([len(features)]))
        written = model.speller.greedy(encoded, lengths, torch.tensor([PROOF_TOKENS]))[0]
        spelled = model.speller(encoded, lengths, torch.tensor([written], dtype=torch.int64))[0].log_softmax(dim=1).numpy()
        heard = [] if model.head is None else [model.head(encoded)[0, : int(model.head.output_lengths(lengths)[0])].numpy()]
    assert isinstance(runtime.engine, AttentionEngine)
    emitted = runtime.engine.emit(features)
    network, state, rows = runtime.engine.network(emitted), None, []
    for token in (EDGE, *written):
        log_probs, _, state = network.step([token], state, [0])
        rows.append(log_probs)
    found = [np.concatenate(rows), *([] if emitted.log_probs is None else [emitted.log_probs])]
    return Rows(np.concatenate([spelled, *heard]), np.concatenate(found), bool((spelled.argmax(1) == found[0].argmax(1)).all()))


def transducer_rows(model: Any, runtime: Recognizer, features: Array) -> Rows:
    """Log_probs of the lattice of the text that torch hears, row t (U + 1) + u in frame t after u tokens; and the greedy texts."""
    engine = runtime.engine
    assert isinstance(engine, TransducerEngine)
    with torch.no_grad():
        encoded, lengths = model.encoder(torch.from_numpy(features)[None], torch.tensor([len(features)]))
    heard, theirs = encoded[0, : int(lengths[0])].numpy(), engine.emit(features)
    networks = TorchNetworks(model)
    text = transducer_greedy(networks, heard).tokens
    same = text == transducer_greedy(engine.networks, theirs).tokens
    return Rows(lattice(networks, heard, text), lattice(engine.networks, theirs, text), same)


def lattice(networks: TransducerNetworks, encoded: Array, tokens: Sequence[int]) -> Array:
    """(T, D), U tokens -> log_probs (T (U + 1), V)."""
    rows, states = networks.predict([BLANK], [None])
    predicted = [rows]
    for token in tokens:
        rows, states = networks.predict([token], states)
        predicted.append(rows)
    text = np.concatenate(predicted)
    return np.concatenate([networks.join(frame, text) for frame in encoded] or [np.zeros((0, 1), np.float32)])


def block_rows(model: Any, runtime: Recognizer, features: Array) -> Rows:
    """Log_probs along what torch says block by block, and of the CTC head; the text is one if the runtime would say the same."""
    with torch.no_grad():
        encoded, lengths = model.encoder(torch.from_numpy(features)[None], torch.tensor([len(features)]))
        text = model.greedy(encoded, lengths)[0]
        count = int(model.blocks.count(lengths)[0])
        said, blocks = with_edges(text, [index * count // max(1, len(text)) for index in range(len(text))], count)
        spelled = model.spell(encoded, lengths, torch.tensor([said]), torch.tensor([blocks]))[0].log_softmax(dim=1).numpy()
        heard = model.head(encoded)[0, : int(model.head.output_lengths(lengths)[0])].numpy()
    engine = runtime.engine
    assert isinstance(engine, NeuralTransducerEngine)
    emitted = engine.emit(features)
    state, rows = None, []
    for token, block in zip((EDGE, *said), blocks, strict=False):  # the last end of a block is not read
        log_probs, _, state = engine.network.step(*engine.window(emitted, block), [token], state, [0])
        rows.append(log_probs)
    found = [np.concatenate(rows), *([] if emitted.log_probs is None else [emitted.log_probs])]
    return Rows(np.concatenate([spelled, heard]), np.concatenate(found), bool((spelled.argmax(1) == found[0].argmax(1)).all()))


ROWS: dict[str, Callable[[Any, Recognizer, Array], Rows]] = {
    "attention": attention_rows,
    "ctc": ctc_rows,
    "neural-transducer": block_rows,
    "transducer": transducer_rows,
}


def prove(model: SpeechModel, bundle: Bundle, clips: Sequence[Array]) -> Proof:
    """Run clips through torch and through the bundle's own runtime and compare."""
    runtime = Recognizer(bundle, threads=1, scorer="none")
    log_prob_difference = probability_difference = 0.0
    texts = frames_differing = frames_all = 0
    for samples in clips:
        frames = runtime.normalization(runtime.extractor(samples))
        if not len(frames):
            continue
        rows = ROWS[bundle.family](model, runtime, frames)
        expected, found = rows.expected, rows.found
        if expected.shape != found.shape:
            raise TympanError(f"The exported network gives {found.shape} where torch gives {expected.shape}; no bundle was written.")
        log_prob_difference = max(log_prob_difference, float(np.abs(expected - found).max(initial=0)))
        probability_difference = max(probability_difference, float(np.abs(np.exp(expected) - np.exp(found)).max(initial=0)))
        frames_differing += int((expected.argmax(axis=1) != found.argmax(axis=1)).sum())
        frames_all += len(expected)
        texts += not rows.same_text
    return Proof(len(clips), log_prob_difference, probability_difference, frames_differing / max(1, frames_all), texts)


def check_proof(proof: Proof, *, int8: bool) -> None:
    """TympanError if the exported network is not the trained one."""
    rounding = proof.log_prob_difference <= ROUGH and proof.probability_difference <= TOLERANCE
    if not int8 and (not (proof.log_prob_difference <= TOLERANCE or rounding) or proof.texts_differ):
        raise TympanError(
            f"The exported network differs from torch by {proof.log_prob_difference:.2g} in log_probs and in {proof.texts_differ} texts; "
            f"{TOLERANCE} is allowed, so no bundle was written.",
            "Please report this with the recipe.",
        )
    if int8 and not proof.frames_differ <= INT8_TOLERANCE:
        raise TympanError(
            f"With int8 weights the best token differs in {proof.frames_differ:.1%} of the frames; no bundle was written.",
            "Export without --int8.",
        )

"""Whether a model hears what the transcripts say."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tympan.errors import AudioError, BundleError, ShapeError, TokenError
from tympan.tokens import BLANK

if TYPE_CHECKING:
    from tympan.data.doctor.corpus import Corpus
    from tympan.recognizer import Recognizer

LogProbs = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Heard:
    """One utterance, listened to.

    Attributes:
        doubt: nats a token by which the transcript is less probable than the best path; about 0 where it is what was said.
        text: what the model hears, without a search: characters or phones.
    """

    doubt: float
    text: str


def use_model(corpus: Corpus, recognizer: Recognizer) -> None:
    """Check `corpus` with the model's own tokens, front end and output lengths."""
    extractor, bundle = recognizer.extractor, recognizer.bundle

    def output_frames(durations: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        samples = np.rint(durations * extractor.sample_rate).astype(np.int64)
        return model_frames(recognizer, np.array([extractor.num_frames(int(count)) for count in samples], dtype=np.int64))

    corpus.tokens = bundle.tokens
    corpus.sample_rate = extractor.sample_rate
    corpus.output_frames = output_frames
    corpus.frames_are = f"with the output lengths of {bundle.path.name}, {bundle.frame_shift_s * 1000:.0f} ms a frame"
    if bundle.tokens.kind == "phones":
        if recognizer.scorer is None:
            raise BundleError(f"{bundle.path} gives phones, and has no scorer whose lexicon tells how words sound.", "Put one beside it.")
        corpus.spell = recognizer.scorer.pronunciations.transcribe


def model_frames(recognizer: Recognizer, lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Frames of log_probs (n,) for frames of features (n,): the graph's own arithmetic, without running the network."""
    import onnxruntime

    from tympan.engines.chunks import Geometry

    distinct, places = np.unique(lengths, return_inverse=True)
    if not len(distinct):
        return lengths
    geometry = Geometry.of(recognizer.bundle)
    if geometry is not None:  # a network that hears chunks gives as many frames for each, also for one that is not full
        encoded_s = geometry.factor * recognizer.extractor.frame_shift_s
        return -(-lengths // geometry.factor) * round(encoded_s / recognizer.bundle.frame_shift_s)
    options = onnxruntime.RunOptions()
    options.only_execute_path_to_fetches = True
    session = recognizer.session
    inputs = {"features": np.zeros((len(distinct), 1, recognizer.extractor.num_features), np.float32), "lengths": np.maximum(1, distinct)}
    try:
        outputs = session.run([session.get_outputs()[1].name], inputs, options)[0]
    except Exception as error:  # onnxruntime's errors share no base class of their own
        reason = " ".join(str(error).split())[:200]
        raise BundleError(f"{recognizer.bundle.path}: the network does not tell its output lengths ({reason}).") from None
    return np.asarray(np.where(distinct > 0, outputs, 0)[places], dtype=np.int64)


def listen(corpus: Corpus, recognizer: Recognizer, progress: Callable[[int], object] = lambda done: None) -> list[Heard | None]:
    """Run the network over every usable recording; None where that or its transcript cannot be used."""
    heard: list[Heard | None] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a recording that ends early has a finding of its own
        for row in corpus.rows:
            try:
                tokens = recognizer.bundle.tokens.encode(corpus.spell(row.utterance.text))
                pieces = [recognizer.log_probs(piece.samples) for piece in recognizer.pieces(row.utterance.audio, None)]
                heard.append(compare(np.concatenate(pieces), tokens, recognizer) if pieces and tokens else None)
            except (AudioError, TokenError, ShapeError, OSError):
                heard.append(None)
            progress(len(heard))
    return heard


def compare(log_probs: LogProbs, tokens: Sequence[int], recognizer: Recognizer) -> Heard | None:
    """(T, V) against the transcript's tokens; None if they do not fit into T frames."""
    from tympan.decoding import greedy

    if not len(log_probs):
        return None
    probability = ctc_log_prob(log_probs, tokens)
    if not np.isfinite(probability):
        return None
    doubt = (float(log_probs.max(axis=1).sum(dtype=np.float64)) - probability) / len(tokens)
    return Heard(doubt, recognizer.bundle.tokens.decode(greedy(log_probs).tokens))


def ctc_log_prob(log_probs: LogProbs, tokens: Sequence[int]) -> float:
    """Natural log of the probability of `tokens` (U,) under log_probs (T, V), summed over all alignments; -inf if none fits.

    Source: Graves et al. 2006, section 4.1, equations 6 and 7.
    """
    states = np.full(2 * len(tokens) + 1, BLANK)
    states[1::2] = tokens
    emitted = log_probs[:, states].astype(np.float64)  # (T, 2 U + 1)
    skips = np.full(len(states), -np.inf)
    skips[3::2] = np.where(states[3::2] != states[1:-2:2], 0.0, -np.inf)  # over the blank between two different tokens
    alpha = np.full(len(states), -np.inf)
    alpha[:2] = emitted[0, :2]
    for row in emitted[1:]:
        one = np.concatenate([[-np.inf], alpha[:-1]])
        two = np.concatenate([[-np.inf, -np.inf], alpha[:-2]])[: len(states)] + skips
        alpha = np.logaddexp(np.logaddexp(alpha, one), two) + row
    return float(np.logaddexp.reduce(alpha[-2:]))

"""A scorer from the training transcripts, for models whose speakers say only what the transcripts say: digits, commands, forms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tympan import emissions, lm
from tympan.bundle import Bundle
from tympan.data.manifest import Utterance
from tympan.decoding import BeamDecoder, SearchOptions
from tympan.lexicon import Pronunciations
from tympan.lm import Scorer, tuning
from tympan.lm.rewriting import rewrite
from tympan.lm.tuning import Tuning
from tympan.recognizer import load
from tympan.tokens import TokenTable

MOST_WORDS = 2000
MOST_NEW = 0.01  # of the words of the dev set
ORDER = 4
MIN_TUNING = 50  # utterances; fewer tell more about chance than about weights
BEAM_SIZE = 50


def closed_vocabulary(train: Sequence[Utterance], dev: Sequence[Utterance]) -> bool:
    """Whether the dev set says next to nothing but words of the training set, and these are few."""
    known = {word for utterance in train for word in utterance.text.split()}
    said = [word for utterance in dev for word in utterance.text.split()]
    return bool(known) and len(known) <= MOST_WORDS and sum(word not in known for word in said) <= MOST_NEW * len(said)


def transcript_scorer(train: Sequence[Utterance], tokens: TokenTable, pronunciations: Pronunciations | None, path: Path) -> Scorer:
    """Estimate an n-gram from the transcripts, spell their words, and write `path`."""
    lines = [utterance.text for utterance in train if utterance.text]
    scorer = lm.build(lines, order=ORDER, prune=(0,), tokens=tokens, pronunciations=pronunciations)
    scorer.save(path)
    return scorer


def tune_scorer(path: Path, bundle: Path, dev: Sequence[Utterance], cache: Path, threads: int = 0) -> tuple[float, float] | None:
    """Write the best weights for the dev set into the scorer; the WER before and after.

    None if the set is too small to say, or if the model is of another family than CTC: its log_probs are not by frames.
    """
    if len(dev) < MIN_TUNING or Bundle.open(bundle).family != "ctc":
        return None
    tuned = search(path, bundle, dev, cache, threads)  # the file must not be mapped any more when it is replaced
    before, best = tuned.points[0], tuned.best
    facts = {"utterances": len(dev), "beam_size": BEAM_SIZE, "wer": best.wer, "wer_before": before.wer}

    def change(old: Scorer) -> tuple[Scorer, None]:
        return replace(old.with_weights(*best.weights), facts={**old.facts, "tuning": facts}), None

    rewrite(path, None, change)
    return before.wer, best.wer


def search(path: Path, bundle: Path, dev: Sequence[Utterance], cache: Path, threads: int) -> Tuning:
    """The weights that were tried, the scorer's own first."""
    scorer = Scorer.open(path)
    recognizer = load(bundle, scorer=scorer, threads=1)
    emitted = emissions.compute(recognizer, dev, cache=cache, threads=threads or 1)
    table = recognizer.bundle.tokens

    def decoder(lm_weight: float, word_score: float) -> BeamDecoder:
        return SearchOptions(beam_size=BEAM_SIZE, lm_weight=lm_weight, word_score=word_score).decoder(table, scorer)

    references = [utterance.text for utterance in emitted.utterances]
    return tuning.tune(emitted.log_probs, references, decoder, first=[(scorer.lm_weight, scorer.word_score)], threads=threads)

"""How well and how fast a recogniser transcribes a manifest."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tympan import scoring
from tympan.data.manifest import Utterance
from tympan.errors import AudioError, ManifestError
from tympan.systems import System


@dataclass(frozen=True)
class Evaluation:
    """The outcome.

    Attributes:
        score: error rates and counts, pooled over the utterances that could be read.
        seconds: of audio.
        processing_s: wall seconds for reading, features, network and search.
        results: id, reference, hypothesis of each utterance, normalised as they were scored.
        failed: id -> why, for recordings that could not be read; they are in no rate.
        search: how the texts were found, in a line.
        settings: the same as plain values.
        hot_words: how often each fired.
    """

    score: scoring.Score
    seconds: float
    processing_s: float
    results: list[dict[str, Any]]
    failed: dict[str, str]
    search: str = "greedy"
    settings: Mapping[str, Any] = field(default_factory=lambda: {"decoder": "greedy"})
    hot_words: Mapping[str, int] = field(default_factory=dict)

    @property
    def rtf(self) -> float:
        """Real-time factor: processing seconds for a second of audio."""
        return self.processing_s / max(1e-9, self.seconds)

    def to_dict(self) -> dict[str, Any]:
        """For JSON: wer and cer are fractions."""
        score = self.score
        return {
            "wer": score.wer,
            "cer": score.cer,
            "wer_interval": list(score.wer_interval) if score.wer_interval else None,
            "interval_by": score.interval_by,
            "substitutions": score.words.substitutions,
            "deletions": score.words.deletions,
            "insertions": score.words.insertions,
            "words": score.words.reference_length,
            "rtf": self.rtf,
            "utterances": len(self.results),
            "seconds": self.seconds,
            "processing_s": self.processing_s,
            "search": self.search,
            "settings": dict(self.settings),
            "hot_words": dict(self.hot_words),
            "scoring": scoring.SCORING_RULES,
            "failed": self.failed,
            "results": self.results,
        }


def evaluate(recognizer: System, utterances: Sequence[Utterance], progress: Callable[[int], None] = lambda done: None) -> Evaluation:
    """Transcribe and score.

    Args:
        recognizer: `tympan.recognizer.Recognizer`, or another system.
        utterances: of a manifest, with transcripts.
        progress: called with the number of finished utterances.

    Raises:
        ManifestError: no recording could be read.
    """
    references, hypotheses, speakers, ids = [], [], [], []
    failed: dict[str, str] = {}
    fired: Counter[str] = Counter()
    seconds = processing = 0.0
    for done, utterance in enumerate(utterances):
        progress(done)
        began = time.perf_counter()
        try:
            transcript = recognizer.transcribe(utterance.audio)
        except AudioError as error:
            failed[utterance.id] = str(error)
            continue
        processing += time.perf_counter() - began
        seconds += transcript.duration
        fired.update(transcript.hot_words)
        references.append(utterance.text)
        hypotheses.append(transcript.text)
        speakers.append(utterance.speaker)
        ids.append(utterance.id)
    progress(len(utterances))
    if not ids:
        raise ManifestError("None of the recordings could be read.", next(iter(failed.values()), ""))
    score = scoring.score(references, hypotheses, speakers=speakers if all(speakers) else None)
    results = [
        {"id": id_, "reference": scoring.normalize_for_scoring(reference), "hypothesis": scoring.normalize_for_scoring(hypothesis)}
        for id_, reference, hypothesis in zip(ids, references, hypotheses, strict=True)
    ]
    search = recognizer.describe_search(), recognizer.search_settings()
    return Evaluation(score, seconds, processing, results, failed, *search, dict(fired))

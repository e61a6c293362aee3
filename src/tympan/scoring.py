"""How far is a transcript from the truth? Edit alignment, WER and CER, and how sure one can be of them.

    WER = (substitutions + deletions + insertions) / words of the reference

over all utterances together: the errors of a corpus divided by its words, not the mean of its utterances' rates, where a wrong
one-word utterance would weigh as much as a wrong page.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

from tympan.errors import ShapeError

SCORING_RULES = (
    "Scored on NFKC text in lower case, curly apostrophes as ', punctuation as space except apostrophes inside words, "
    "invisible signs dropped, white space collapsed; WER and CER (spaces count) are pooled: all edits / all reference words or characters."
)
"""What `score` does to texts before it counts; stands beside every figure that Tympan prints."""

_APOSTROPHES = dict.fromkeys(map(ord, "‘’‛ʼ＇`´"), "'")  # ´ now: NFKC makes a space and an accent of it

RESAMPLES = 1000
SEED = 20


@dataclass(frozen=True)
class ErrorCounts:
    """Edits that turn references into hypotheses; counts of parts add up to the count of the whole.

    Attributes:
        substitutions, deletions, insertions: of the hypothesis against the reference.
        reference_length: words or characters of the reference.
    """

    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0
    reference_length: int = 0

    @property
    def errors(self) -> int:
        """All edits."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def rate(self) -> float:
        """errors / max(1, reference_length): 1.0 for each word invented over silence."""
        return self.errors / max(1, self.reference_length)

    def __add__(self, other: ErrorCounts) -> ErrorCounts:
        return ErrorCounts(
            self.substitutions + other.substitutions,
            self.deletions + other.deletions,
            self.insertions + other.insertions,
            self.reference_length + other.reference_length,
        )


@dataclass(frozen=True)
class Edit:
    """One step of an alignment: `reference` is None in an insertion, `hypothesis` in a deletion."""

    kind: Literal["equal", "substitution", "deletion", "insertion"]
    reference: str | None
    hypothesis: str | None


@dataclass(frozen=True)
class Alignment:
    """One of the shortest ways from reference to hypothesis, step by step."""

    ops: tuple[Edit, ...]

    @property
    def counts(self) -> ErrorCounts:
        """How many edits of each kind."""
        kinds = [op.kind for op in self.ops]
        insertions = kinds.count("insertion")
        return ErrorCounts(kinds.count("substitution"), kinds.count("deletion"), insertions, len(kinds) - insertions)


@dataclass(frozen=True)
class UtteranceScore:
    """An utterance and its errors in words.

    Attributes:
        index: place in what was given to `score`.
        reference, hypothesis: as they were compared, that is normalised.
    """

    index: int
    reference: str
    hypothesis: str
    words: ErrorCounts


@dataclass(frozen=True)
class Score:
    """The errors of a set of utterances.

    Attributes:
        words, characters: pooled counts.
        wer_interval: 95 % of WER, by bootstrap; None for fewer than two utterances.
        interval_by: what was resampled; "utterance" also if all utterances have one speaker, and then the interval says nothing
            about other speakers.
        utterances: how many were scored.
        worst: those with the most errors in words, worst first, none without errors.
    """

    words: ErrorCounts
    characters: ErrorCounts
    wer_interval: tuple[float, float] | None
    interval_by: Literal["speaker", "utterance"]
    utterances: int
    worst: tuple[UtteranceScore, ...]

    @property
    def wer(self) -> float:
        """Word error rate, pooled."""
        return self.words.rate

    @property
    def cer(self) -> float:
        """Character error rate, pooled; spaces are characters."""
        return self.characters.rate


def normalize_for_scoring(text: str) -> str:
    """Make two spellings of the same words equal, as SCORING_RULES says.

    >>> normalize_for_scoring("“Don’t,” she said – twice: THE DOGS' well-known ＡＢＣ")
    "don't she said twice the dogs well known abc"
    """
    text = unicodedata.normalize("NFKC", text.translate(_APOSTROPHES)).translate(_APOSTROPHES)
    text = unicodedata.normalize("NFKC", text.lower())
    signs = [sign for sign in text if unicodedata.category(sign) != "Cf"]  # soft hyphens, byte-order marks
    kept = [_kept(signs, i) for i in range(len(signs))]
    return unicodedata.normalize("NFKC", " ".join("".join(kept).split()))


def _kept(signs: Sequence[str], i: int) -> str:
    if signs[i] == "'":
        inside = 0 < i < len(signs) - 1 and _in_word(signs[i - 1]) and _in_word(signs[i + 1])
        return "'" if inside else " "
    return " " if unicodedata.category(signs[i])[0] == "P" else signs[i]


def _in_word(sign: str) -> bool:
    return unicodedata.category(sign)[0] in "LMN"  # letters, their marks (Hindi vowels), numbers


def align(reference: Sequence[str], hypothesis: Sequence[str]) -> Alignment:
    """Align words (lists of str) or characters (str) with the fewest edits, each of cost 1.

    >>> [op.kind for op in align("the cat sat".split(), "a cat sat down".split()).ops]
    ['substitution', 'equal', 'equal', 'insertion']
    """
    from rapidfuzz.distance import Levenshtein

    ops: list[Edit] = []
    for step in Levenshtein.opcodes(*_numbered(reference, hypothesis)):
        said, heard = reference[step.src_start : step.src_end], hypothesis[step.dest_start : step.dest_end]
        if step.tag == "insert":
            ops += [Edit("insertion", None, added) for added in heard]
        elif step.tag == "delete":
            ops += [Edit("deletion", lost, None) for lost in said]
        else:
            kind: Literal["equal", "substitution"] = "equal" if step.tag == "equal" else "substitution"
            ops += [Edit(kind, one, other) for one, other in zip(said, heard, strict=True)]
    return Alignment(tuple(ops))


def _numbered(reference: Sequence[str], hypothesis: Sequence[str]) -> tuple[list[int], list[int]]:
    """Words as numbers: rapidfuzz compares words by their hashes, and equal hashes of unequal words would be no error."""
    numbers: dict[str, int] = {}
    first, second = ([numbers.setdefault(word, len(numbers)) for word in words] for words in (reference, hypothesis))
    return first, second


def score(
    references: Sequence[str],
    hypotheses: Sequence[str],
    speakers: Sequence[Hashable] | None = None,
    *,
    normalize: Callable[[str], str] = normalize_for_scoring,
    worst: int = 10,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Score:
    """Score hypotheses against references, pooled over all utterances.

    Args:
        references: what was said, one text an utterance.
        hypotheses: what was recognised, in the same order.
        speakers: who said it. Errors of one speaker come together, so the interval is right only if whole speakers are resampled.
        normalize: applied to every text; what replaces the default should be said beside the figure, as SCORING_RULES is.
        worst: how many of the worst utterances to give.
        resamples: of the bootstrap.
        seed: of the bootstrap; the same figures each time.

    Raises:
        ShapeError: nothing to score, or not one hypothesis and one speaker for each reference.

    >>> ten = "one two three four five six seven eight nine ten"
    >>> f"{score([ten, 'yes'], [ten, 'no']).wer:.1%}"
    '9.1%'
    """
    _check_counts(references, hypotheses, speakers)
    utterances = [_utterance(i, normalize(r), normalize(h)) for i, (r, h) in enumerate(zip(references, hypotheses, strict=True))]
    characters = [align(utterance.reference, utterance.hypothesis).counts for utterance in utterances]
    interval_by: Literal["speaker", "utterance"] = "utterance"
    groups = [utterance.words for utterance in utterances]
    if speakers is not None and len(set(speakers)) > 1:
        interval_by = "speaker"
        by_speaker: dict[Hashable, ErrorCounts] = {}
        for speaker, words in zip(speakers, groups, strict=True):
            by_speaker[speaker] = by_speaker.get(speaker, ErrorCounts()) + words
        groups = list(by_speaker.values())
    wrong = sorted((each for each in utterances if each.words.errors), key=lambda each: (-each.words.errors, -each.words.rate, each.index))
    return Score(
        words=sum((utterance.words for utterance in utterances), ErrorCounts()),
        characters=sum(characters, ErrorCounts()),
        wer_interval=_interval(groups, resamples, seed),
        interval_by=interval_by,
        utterances=len(utterances),
        worst=tuple(wrong[:worst]),
    )


def _utterance(index: int, reference: str, hypothesis: str) -> UtteranceScore:
    return UtteranceScore(index, reference, hypothesis, align(reference.split(), hypothesis.split()).counts)


def _check_counts(references: Sequence[str], hypotheses: Sequence[str], speakers: Sequence[Hashable] | None) -> None:
    if not len(references):
        raise ShapeError("There is no utterance to score.")
    for texts in (references, hypotheses):
        if isinstance(texts, str):
            raise ShapeError("score takes a list of texts, not one text.", "Put it into a list: [text]")
    if len(hypotheses) != len(references):
        raise ShapeError(f"There are {len(references)} references but {len(hypotheses)} hypotheses.")
    if speakers is not None and len(speakers) != len(references):
        raise ShapeError(f"There are {len(references)} references but {len(speakers)} speakers.")


def _interval(groups: Sequence[ErrorCounts], resamples: int, seed: int) -> tuple[float, float] | None:
    """2.5 % and 97.5 % of the pooled rate, when as many groups are drawn with replacement as there are.

    Source: Bisani and Ney 2004, Bootstrap estimates for confidence intervals in ASR performance evaluation, ICASSP, equation 3.
    """
    if len(groups) < 2:
        return None
    import numpy as np

    counts = np.array([(group.errors, group.reference_length) for group in groups], dtype=np.int64)  # (G, 2)
    rng = np.random.default_rng(seed)
    drawn = np.array([counts[rng.integers(len(counts), size=len(counts))].sum(axis=0) for _ in range(resamples)])  # (R, 2)
    low, high = np.percentile(drawn[:, 0] / np.maximum(1, drawn[:, 1]), [2.5, 97.5])
    return float(low), float(high)

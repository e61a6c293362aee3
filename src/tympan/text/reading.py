"""A transcript as people read it: numbers as digits, capitals, full stops. Never for scoring, which compares the words that were said.

words of a segment -> numbers (not across a pause) -> capitals -> first letter, full stop -> words with the times of what they stand for
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from tympan.errors import TympanError
from tympan.text.names import capital, with_capitals
from tympan.text.spoken_numbers import Read, written_numbers
from tympan.transcript import Segment, Transcript, Word

READABLE = ("en",)  # languages with rules
PAUSE_S = 0.7  # from here on a number ends; and a segment that is followed by it ends a sentence
SENTENCE_ENDS = (".", "!", "?", "…")


def check_language(language: str | None) -> None:
    """TympanError if there are no rules for a language, as BCP 47 ("en-GB") or None where the model does not say."""
    if language is None or language.lower().split("-")[0] not in READABLE:
        said = "The model does not say its language" if not language else f"There are no rules for reading {language!r}"
        raise TympanError(f"{said}, so its text cannot be made readable.", f"There are rules for {', '.join(READABLE)}; else leave it out.")


def readable(words: Sequence[str], language: str = "en", breaks: Sequence[int] = ()) -> list[Read]:
    """Number words as digits, and capitals where a word has one wherever it stands.

    Args:
        words: as they were said. If none has a small letter, all are taken to be lower case.
        language: "en" or one of its regions.
        breaks: indices of words before which there is a pause, which no number spans.

    Returns:
        Pieces in order; each word is in exactly one.

    Raises:
        TympanError: another language.

    >>> [read.text for read in readable("i met twenty three germans in nineteen eighty four".split())]
    ['I', 'met', '23', 'Germans', 'in', '1984']
    """
    check_language(language)
    if not any(letter.islower() for word in words for letter in word):
        words = [word.lower() for word in words]
    found: list[Read] = []
    edges = [0, *breaks, len(words)]
    for first, end in pairwise(edges):
        found += [Read(read.text, first + read.first, first + read.end) for read in written_numbers(words[first:end])]
    texts = with_capitals([read.text for read in found])
    return [replace(read, text=text) for read, text in zip(found, texts, strict=True)]


def readable_transcript(transcript: Transcript) -> Transcript:
    """A transcript as people read it.

    A segment that is followed by a pause, or is the last, ends with a full stop; what follows a full stop begins with a capital.
    A word that was several spans them in time, and its confidence is their geometric mean.

    Raises:
        TympanError: there are no rules for its language.

    >>> said = Transcript("it is twenty", (Segment("it is twenty", 0.0, 1.0),), duration=2.0, language="en")
    >>> readable_transcript(said).text
    'It is 20.'
    """
    check_language(transcript.language)
    segments: list[Segment] = []
    begins = True
    for index, segment in enumerate(transcript.segments):
        following = transcript.segments[index + 1].start if index + 1 < len(transcript.segments) else math.inf
        ends = following - segment.end >= PAUSE_S
        words = segment.words or tuple(Word(text, segment.start, segment.end) for text in segment.text.split())
        read = _sentence(words, transcript.language or "", begins, ends)
        text = " ".join(word.text for word in read)
        segments.append(replace(segment, text=text, words=tuple(read) if segment.words else ()))
        begins = ends or (begins and not read)
    return replace(transcript, text=" ".join(segment.text for segment in segments if segment.text), segments=tuple(segments))


def _sentence(words: Sequence[Word], language: str, begins: bool, ends: bool) -> list[Word]:
    """The words of a segment; the first with a capital if a sentence begins there, the last with a full stop if one ends."""
    breaks = [index for index in range(1, len(words)) if words[index].start - words[index - 1].end >= PAUSE_S]
    read = [
        replace(_joined(words[part.first : part.end]), text=part.text) for part in readable([word.text for word in words], language, breaks)
    ]
    if read and begins:
        read[0] = replace(read[0], text=capital(read[0].text))
    if read and ends and not read[-1].text.endswith(SENTENCE_ENDS):
        read[-1] = replace(read[-1], text=f"{read[-1].text}.")
    return read


def _joined(words: Sequence[Word]) -> Word:
    """Several words as one in time and confidence, with the text of the first."""
    if len(words) == 1:
        return words[0]
    confidences = [word.confidence for word in words if word.confidence is not None]
    confidence = None
    if len(confidences) == len(words):  # by logarithms, and 0 if one is
        confidence = min(1.0, math.exp(sum(map(math.log, confidences)) / len(words))) if all(confidences) else 0.0
    return Word(words[0].text, words[0].start, max(word.end for word in words), confidence)

"""`tympan transcribe --explain`: the best hypotheses of each piece, with their scores by parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tympan.cli.search_options import hot_word_counts

if TYPE_CHECKING:
    from tympan.recognizer import Piece, Recognizer

NBEST = 5
HEADINGS = {
    "total": "total",
    "acoustic": "acoustic",
    "lm": "lm",
    "words": "words",
    "hot_words": "hot words",
    "count": "count",
}


def explain(recognizer: Recognizer, pieces: Sequence[Piece]) -> list[dict[str, Any]]:
    """What the search found in each piece, as plain values.

    Returns:
        {start, end, hypotheses: [{text, total, acoustic, lm, words, hot_words, count, share, fired}]} a piece, best first.
        total = acoustic + lm + words + hot_words, natural logarithms, weighted; a neural model adds `neural`, its token score
        included. `words` is the word score times the number of words, `count`, and what words outside the lexicon cost. `share` is
        the text's among all that the search still held; it is no probability of being right. `fired` counts the hot words.
    """
    weight = recognizer.decoder.lm_weight if recognizer.decoder is not None else 0.0
    neural = recognizer.rescorer or recognizer.neural
    explained = []
    for piece in pieces:
        hypotheses = []
        for found in piece.hypotheses:
            words = recognizer.words(found, piece.start, piece.end)
            lm = weight * found.lm_score
            rescored = {} if neural is None else {"neural": neural.added(found)}
            parts = {
                "total": found.score,
                "acoustic": found.acoustic_score,
                "lm": lm,
                "words": round(found.score - found.acoustic_score - lm - found.hot_word_score - sum(rescored.values()), 6) + 0.0,  # no -0
                "hot_words": found.hot_word_score,
                **rescored,
                "count": len(words),
                "share": found.posterior,
                "fired": dict(found.hot_words),
            }
            hypotheses.append({"text": " ".join(word.text for word in words), **parts})
        explained.append({"start": piece.start, "end": piece.end, "hypotheses": hypotheses})
    return explained


def table(explained: Sequence[Mapping[str, Any]], hot_words: Mapping[str, int]) -> str:
    """The same for people: a table a piece, then how often each hot word fired in the best hypotheses."""
    lines: list[str] = []
    rescored = any("neural" in found for piece in explained for found in piece["hypotheses"])
    headings = {**HEADINGS, **({"neural": "neural"} if rescored else {})}
    for piece in explained:
        lines.append(f"{piece['start']:.2f} to {piece['end']:.2f} s" + ("" if piece["hypotheses"] else ": nothing"))
        if piece["hypotheses"]:
            lines.append("  " + " ".join(f"{heading:>9}" for heading in (*headings.values(), "share")) + "  text")
        for found in piece["hypotheses"]:
            scores = " ".join(f"{found[key]:9}" if key == "count" else f"{found[key]:9.2f}" for key in headings)
            lines.append(f"  {scores} {found['share']:9.1%}  {found['text']}".rstrip())
            if found["fired"]:
                lines.append("  fired: " + ", ".join(f"{word} {count}" for word, count in found["fired"].items()))
    return "\n".join([*lines, *([hot_word_counts(hot_words)] if hot_words else [])])

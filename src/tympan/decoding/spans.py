"""Which tokens of a hypothesis make which word."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from tympan.decoding.hypothesis import Hypothesis
from tympan.tokens import EDGE, TokenTable


@dataclass(frozen=True)
class Span:
    """A word and its tokens: hypothesis.tokens[first:end]."""

    text: str
    first: int
    end: int


def word_spans(hypothesis: Hypothesis, table: TokenTable) -> list[Span]:
    """The words of a hypothesis: those that the search knew, else what lies between spaces, from "▁" to "▁", or each phone.

    Phones that are no word of the lexicon come from the search as one word; here each stands alone.
    """
    symbols = [table.tokens[token] for token in hypothesis.tokens]
    if hypothesis.words:
        spans, place = [], 0
        separated = table.separator is not None
        for word, length in zip(hypothesis.words, hypothesis.word_lengths, strict=True):
            if table.kind == "phones" and word.replace(" ", "") == "".join(symbols[place : place + length]):
                spans += [Span(symbols[index], index, index + 1) for index in range(place, place + length)]
            else:
                spans.append(Span(word, place, place + length))
            place += length + separated
        return spans

    def begins(index: int) -> bool:
        return index == 0 or table.kind == "phones" or symbols[index].startswith(EDGE) or hypothesis.tokens[index - 1] == table.separator

    edges = [*(index for index in range(len(symbols)) if begins(index)), len(symbols)]
    spans = []
    for first, after in pairwise(edges):
        end = after - (hypothesis.tokens[after - 1] == table.separator)
        if text := table.decode(hypothesis.tokens[first:end]).strip():
            spans.append(Span(text, first, end))
    return spans

"""The denominator's graph: an n-gram of tokens as a hidden Markov model with back-off states.

A context is what the n-gram remembers of the tokens so far. From context c the next token v comes in one of two ways:

    listed:   with probability u(v | c) = p(v | c) - b(c) p(v | c'), to the longest listed suffix of c v
    back-off: with probability b(c) to c', the longest listed proper suffix of c, and from there on; at last without a context,
              with u(v), to the context v

where p and b are the probabilities and back-off weights of an interpolated Kneser-Ney model, whose p(v | c) is just this sum (Chen and
Goodman 1998, section 3), so that u >= 0 and all that leaves c sums to one. Token sequences have the probability of the sum over both
ways. It is that of the n-gram up to one thing: what backed off goes on from the shorter context. Graphs with p in the place of u
(Povey et al. 2016, Purely sequence-trained neural networks for ASR based on lattice-free MMI, section 2.2; Xiang and Ou 2019) count the
second way too often.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tympan.errors import RecipeError
from tympan.lm.estimate import estimate

Context = tuple[int, ...]
NGrams = dict[Context, tuple[float, float]]
"""Token indices -> probability and back-off weight."""

START = 0  # <s> within n-grams, and the context that it is: the blank's index is no token's
END, UNKNOWN = -1, -2
WORDS = {"<s>": START, "</s>": END, "<unk>": UNKNOWN}


@dataclass(frozen=True, eq=False)
class DenominatorGraph:
    """C contexts and A listed arcs over V tokens with the blank.

    Context 0 is the beginning, contexts 1 to V - 1 are the tokens alone, longer ones follow, each behind its suffixes.

    Attributes:
        last: (C,) int32, the token that a context ends in; 0 for the beginning.
        parent: (C,) int32, what a context backs off to; of no effect below V, where that is no context at all.
        backoff: (C,) float32, b(c).
        sources, targets: (A,) int32 contexts.
        weights: (A,) float32, u(last[target] | source).
        unigram: (V,) float32, u(v); 0 for the blank.
        final: (C,) float32, probability that the tokens end in a context.
    """

    last: npt.NDArray[np.int32]
    parent: npt.NDArray[np.int32]
    backoff: npt.NDArray[np.float32]
    sources: npt.NDArray[np.int32]
    targets: npt.NDArray[np.int32]
    weights: npt.NDArray[np.float32]
    unigram: npt.NDArray[np.float32]
    final: npt.NDArray[np.float32]

    @property
    def num_tokens(self) -> int:
        return len(self.unigram)

    @property
    def num_contexts(self) -> int:
        return len(self.last)

    @property
    def num_arcs(self) -> int:
        return len(self.weights)

    @cached_property
    def listed(self) -> dict[tuple[int, int], tuple[int, float]]:
        """(context, token) -> (next context, weight)."""
        arcs = zip(self.sources.tolist(), self.targets.tolist(), self.weights.tolist(), strict=True)
        last = self.last.tolist()
        return {(source, last[target]): (target, weight) for source, target, weight in arcs}

    def log_probability(self, tokens: Iterable[int]) -> float:
        """Natural logarithm of the probability of a whole token sequence, its end too."""
        log_scale, now = 0.0, {START: 1.0}
        for token in tokens:
            following: dict[int, float] = {}
            for context, mass in now.items():
                self.follow(context, mass, token, following)
            total = sum(following.values())
            log_scale += math.log(total)
            now = {context: mass / total for context, mass in following.items()}
        return log_scale + math.log(sum(mass * float(self.final[context]) for context, mass in now.items()))

    def follow(self, context: int, mass: float, token: int, following: dict[int, float]) -> None:
        """Add to `following` where `mass` in `context` goes with `token`."""
        while True:
            if (context, token) in self.listed:
                target, weight = self.listed[context, token]
                following[target] = following.get(target, 0.0) + mass * weight
            mass *= float(self.backoff[context])
            if context < self.num_tokens:
                break
            context = int(self.parent[context])
        following[token] = following.get(token, 0.0) + mass * float(self.unigram[token])


def estimate_graph(targets: Sequence[Sequence[int]], num_tokens: int, *, order: int, max_ngrams: int) -> DenominatorGraph:
    """The graph of an n-gram of training transcripts; the same for the same transcripts.

    Args:
        targets: token indices of each transcript; empty ones are left out.
        num_tokens: V, with the blank.
        order: of the n-gram, 2 to 6.
        max_ngrams: of two tokens and more. Longer ones that are rare are pruned until there are no more, pairs only if they alone are.

    Raises:
        RecipeError: there are no tokens.
    """
    lines = [" ".join(map(str, target)) for target in targets if target]
    if not lines:
        raise RecipeError("The training transcripts are empty, so no n-gram of their tokens can be estimated.", "Take another objective.")
    pairs_fit, threshold = True, 0
    with tempfile.TemporaryDirectory(prefix="tympan-denominator-") as folder:
        arpa = Path(folder) / "tokens.arpa"
        while sum((kept := estimate(lines, arpa, order=order, prune=(0, 0 if pairs_fit else threshold, threshold)).kept)[1:]) > max_ngrams:
            pairs_fit = pairs_fit and kept[1] <= max_ngrams
            threshold += 1 + threshold // 2
        return graph_of(read_ngrams(arpa), num_tokens)


def read_ngrams(arpa: Path) -> NGrams:
    """The n-grams of an ARPA file whose words are token indices in digits."""
    ngrams: NGrams = {}
    for line in arpa.read_text(encoding="utf-8").splitlines():
        fields = line.split("\t")
        if len(fields) > 1:
            backoff = 10.0 ** float(fields[2]) if len(fields) > 2 else 1.0
            ngrams[tuple(WORDS[word] if word in WORDS else int(word) for word in fields[1].split(" "))] = 10.0 ** float(fields[0]), backoff
    return ngrams


def graph_of(ngrams: NGrams, num_tokens: int) -> DenominatorGraph:
    """The graph of an interpolated n-gram. Tokens that it lacks share the probability of <unk>: no transcript is impossible."""

    def probability(token: int, context: Context) -> float:
        if (ngram := (*context, token)) in ngrams:
            return ngrams[ngram][0]
        return ngrams.get(context, (0.0, 1.0))[1] * probability(token, context[1:])

    alone: list[Context] = [(token,) for token in range(num_tokens)]
    longer = {ngram[:-1] for ngram in ngrams if len(ngram) > 2}
    contexts = alone + sorted(longer, key=lambda context: (len(context), context))
    index = {context: position for position, context in enumerate(contexts)}

    def longest(tokens: Context) -> Context:
        return next(tokens[first:] for first in range(len(tokens)) if tokens[first:] in index)

    parents = [longest(context[1:]) if len(context) > 1 else context for context in contexts]
    arcs = [
        (index[ngram[:-1]], index[longest(ngram)], value - ngrams[ngram[:-1]][1] * probability(ngram[-1], ngram[1:-1]))
        for ngram, (value, _) in ngrams.items()
        if len(ngram) > 1 and ngram[-1] > 0
    ]
    arcs = sorted(arc for arc in arcs if arc[2] > 0)
    end = ngrams[END,][0]
    missing = [token for token in range(1, num_tokens) if (token,) not in ngrams]
    unigram = np.array([0.0] + [ngrams.get(context, (ngrams[UNKNOWN,][0] / max(1, len(missing)), 1.0))[0] for context in alone[1:]])
    return DenominatorGraph(
        last=np.array([context[-1] for context in contexts], np.int32),
        parent=np.array([index[parent] for parent in parents], np.int32),
        backoff=np.array([ngrams.get(context, (0.0, 1.0))[1] for context in contexts], np.float32),
        sources=np.array([source for source, _, _ in arcs], np.int32),
        targets=np.array([target for _, target, _ in arcs], np.int32),
        weights=np.array([weight for _, _, weight in arcs], np.float32),
        unigram=(unigram * (1 - end) / unigram.sum()).astype(np.float32),
        final=np.array([probability(END, context) for context in contexts], np.float32),
    )

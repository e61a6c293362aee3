"""What CTC thinks of the beginning of a text, for searches that write token by token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tympan.errors import ShapeError
from tympan.tokens import BLANK

Scores = npt.NDArray[np.float64]
NEVER = -1e4  # natural log: of a text that does not fit into the frames, so that texts can still be compared by other means
LEAST = -100.0  # of a frame's log-probability, for sums of differences must stay exact


class Forward(NamedTuple):
    """For n texts the log-probability of all paths through the first t frames that spell the text, t from 0 to T: (n, T + 1) each.

    Attributes:
        token: of those that end in the text's last token.
        blank: of those that end in a blank.
    """

    token: Scores
    blank: Scores


class CTCPrefixes:
    """Log-probabilities of beginnings of texts under the log_probs of one utterance.

    forward = prefixes.start()
    scores = prefixes.longer(forward, texts, rows, tokens)
    forward = prefixes.extend(forward, texts, rows, tokens)

    `rows` and `tokens` say which text is lengthened by what. All is computed at once for all texts and frames: each recursion over time is
    a running sum of probabilities once the products along the way are divided out.

    Args:
        log_probs: (T, V), natural log, of the valid frames.

    Source: Watanabe et al. 2017, Hybrid CTC/attention architecture for end-to-end speech recognition, algorithm 2.
    """

    def __init__(self, log_probs: npt.NDArray[np.floating[Any]]) -> None:
        if log_probs.ndim != 2 or np.isnan(log_probs).any():
            raise ShapeError(f"log_probs must be (T, V) without NaN; they are {log_probs.shape}.")
        self.log_probs = np.maximum(log_probs.astype(np.float64), LEAST)

    def start(self) -> Forward:
        """The empty text."""
        blank = np.concatenate(([0.0], np.cumsum(self.log_probs[:, BLANK])))[None]
        return Forward(np.full_like(blank, -np.inf), blank)

    def entering(self, forward: Forward, texts: Sequence[Sequence[int]], rows: Sequence[int], tokens: Sequence[int]) -> Scores:
        """(m, T): the paths after which the new token may first be spoken in a frame; after the same token only those with a blank."""
        again = np.array([bool(texts[row]) and texts[row][-1] == token for row, token in zip(rows, tokens, strict=True)], dtype=bool)
        token, blank = forward.token[list(rows), :-1], forward.blank[list(rows), :-1]
        found: Scores = np.where(again[:, None], blank, np.logaddexp(token, blank))
        return found

    def longer(self, forward: Forward, texts: Sequence[Sequence[int]], rows: Sequence[int], tokens: Sequence[int]) -> Scores:
        """(m,): log-probability that what is said begins with a text and then the token."""
        spoken = self.log_probs[:, list(tokens)].T  # (m, T)
        found: Scores = np.logaddexp.reduce(self.entering(forward, texts, rows, tokens) + spoken, axis=1, initial=-np.inf)
        return np.maximum(found, NEVER)

    def ended(self, forward: Forward) -> Scores:
        """(n,): log-probability that each text is all that is said."""
        found: Scores = np.logaddexp(forward.token[:, -1], forward.blank[:, -1])
        return np.maximum(found, NEVER)

    def extend(self, forward: Forward, texts: Sequence[Sequence[int]], rows: Sequence[int], tokens: Sequence[int]) -> Forward:
        """The longer texts."""
        token = running(self.entering(forward, texts, rows, tokens), self.log_probs[:, list(tokens)].T)
        blank = running(token[:, :-1], np.broadcast_to(self.log_probs[:, BLANK], (len(token), len(self.log_probs))))
        return Forward(token, blank)


def running(entering: Scores, along: Scores) -> Scores:
    """(m, T), (m, T) -> (m, T + 1): found[0] = -inf, found[t] = logaddexp(found[t - 1], entering[t - 1]) + along[t - 1]."""
    products = np.cumsum(along, axis=1)
    before = np.concatenate((np.zeros((len(along), 1)), products[:, :-1]), axis=1)
    sums = np.logaddexp.accumulate(entering - before, axis=1) + products
    return np.concatenate((np.full((len(along), 1), -np.inf), sums), axis=1)

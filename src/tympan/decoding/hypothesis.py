"""The result of a search."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Hypothesis:
    """One transcript that a decoder found, best first in a list.

    Attributes:
        tokens: token indices, blank-free, repeats kept where they are meant.
        timesteps: first frame of each token, the same length; seconds = timestep * frame shift of the log_probs.
        ends: frame after the last frame of each token, the same length.
        token_log_probs: highest log-probability of each token within its frames.
        score: what the search maximised, natural log.
        acoustic_score: the network's part of it.
        lm_score: the language model's part, unweighted; 0 without one.
    """

    tokens: tuple[int, ...]
    timesteps: tuple[int, ...]
    ends: tuple[int, ...]
    token_log_probs: tuple[float, ...]
    score: float
    acoustic_score: float
    lm_score: float = 0.0

"""The result of a search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Hypothesis:
    """One transcript that a decoder found, best first in a list.

    Attributes:
        tokens: token indices, blank-free, repeats kept where they are meant; the word edges of characters included.
        score: what the search maximised, natural log: acoustic_score + lm_weight * lm_score + word_score * words + hot_word_score;
            after a rescoring (`Rescorer`) or with a fused model (`TokenFusion`) with what that adds.
        acoustic_score: log of the probability of all alignments (greedy: of the one best) that spell the tokens.
        lm_score: of the language model, natural log, unweighted, `</s>` included; 0 without one.
        hot_word_score: sum of the weights of the hot words that fired.
        words: the words of a search that knows words; empty for greedy.
        word_lengths: tokens of each word, edges not counted.
        text: the words, or for a search without words the tokens, as text.
        posterior: share in [0, 1] of this text among all texts that the search still held at its end.
        hot_words: hot word or phrase -> how often it fired.
        timesteps: first frame of each token, the same length as tokens; seconds = timestep * frame shift. Empty if not aligned.
        ends: frame after the last frame of each token. Empty if not aligned.
        token_log_probs: highest log-probability of each token within its frames. Empty if not aligned.
        neural_score: of the neural language model that rescored or was fused, natural log, unweighted, the sentence's end included; 0
            without one.
    """

    tokens: tuple[int, ...]
    score: float
    acoustic_score: float
    lm_score: float = 0.0
    hot_word_score: float = 0.0
    words: tuple[str, ...] = ()
    word_lengths: tuple[int, ...] = ()
    text: str = ""
    posterior: float = 1.0
    hot_words: Mapping[str, int] = field(default_factory=dict)
    timesteps: tuple[int, ...] = ()
    ends: tuple[int, ...] = ()
    token_log_probs: tuple[float, ...] = ()
    neural_score: float = 0.0

"""The risk of a search: its n-best lists in training, its texts in validations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from tympan.decoding import BeamDecoder, Hypothesis, SearchOptions
from tympan.errors import TokenError
from tympan.lm import Scorer
from tympan.tokens import TokenTable
from tympan.training.objectives.risk import ctc_scores, expected_errors, word_errors
from tympan.training.recipe import MWERRecipe


@dataclass
class SearchRisk:
    """What the training section `mwer` asks for.

    Attributes:
        decoder: the search.
        nbest: hypotheses an utterance.
        objective_weight: of the training's own loss.
    """

    decoder: BeamDecoder
    nbest: int
    objective_weight: float

    @classmethod
    def open(cls, recipe: MWERRecipe, tokens: TokenTable) -> SearchRisk:
        """The search of a recipe.

        Raises:
            LMError, TokenError: the scorer is damaged or missing, or made for other tokens.
        """
        scorer = Scorer.open(recipe.scorer) if recipe.scorer is not None else None
        if scorer is not None:
            scorer.check_tokens(tokens.tokens)
        elif tokens.kind == "phones":
            raise TokenError("training.mwer: phones make no words without a scorer.", "Name one in training.mwer.scorer.")
        options = SearchOptions(beam_size=recipe.beam_size, lm_weight=recipe.lm_weight, word_score=recipe.word_score)
        return cls(options.decoder(tokens, scorer), recipe.nbest, recipe.objective_weight)

    def loss(self, log_probs: torch.Tensor, lengths: torch.Tensor, texts: Sequence[str]) -> torch.Tensor:
        """Expected word errors above their mean, summed over the batch and divided by its frames; a scalar.

        What the language model and the words add to a hypothesis's score is a constant of it.

        Args:
            log_probs: (B, T, V) natural log.
            lengths: (B,) int64.
            texts: B transcripts.
        """
        lists = self.search(log_probs, lengths, self.nbest)
        fixed = [one.score - one.acoustic_score for found in lists for one in found]
        scores = ctc_scores(log_probs, lengths, [[one.tokens for one in found] for found in lists])
        scores = scores + scores.new_tensor(fixed)
        risks = []
        for text, found, part in zip(texts, lists, torch.split(scores, [len(found) for found in lists]), strict=True):
            errors = part.new_tensor(word_errors(text, [one.text for one in found]))
            risks.append(expected_errors(part, errors))
        return torch.stack(risks).sum() / lengths.sum().clamp(min=1)

    def heard(self, log_probs: torch.Tensor, lengths: torch.Tensor) -> list[str]:
        """The search's best texts."""
        return [found[0].text for found in self.search(log_probs, lengths, 1)]

    def search(self, log_probs: torch.Tensor, lengths: torch.Tensor, nbest: int) -> list[list[Hypothesis]]:
        """The n-best lists of a batch; the empty text for an utterance without frames."""
        rows: list[npt.NDArray[np.float32]] = [
            row[:length] for row, length in zip(log_probs.detach().float().cpu().numpy(), lengths.tolist(), strict=True)
        ]
        lists = self.decoder.decode_batch([row for row in rows if len(row)], nbest, threads=torch.get_num_threads())
        found = iter(lists)
        return [next(found) if len(row) else [Hypothesis((), 0.0, 0.0)] for row in rows]

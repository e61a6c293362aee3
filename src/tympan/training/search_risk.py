"""The risk of a search: its n-best lists in training, its texts in validations. One class a family."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from tympan.decoding import AttentionDecoder, Hypothesis, SearchOptions
from tympan.errors import TokenError
from tympan.lm import Scorer
from tympan.models.speller_network import TorchSpeller
from tympan.models.spellers import Speller
from tympan.tokens import TokenTable
from tympan.training.objectives.risk import ctc_scores, expected_errors, speller_scores, word_errors
from tympan.training.recipe import MWERRecipe

if TYPE_CHECKING:
    from collections.abc import Iterator

Lists = list[list[Hypothesis]]


def open_scorer(recipe: MWERRecipe, tokens: TokenTable) -> Scorer | None:
    """The scorer of a recipe, if it names one.

    Raises:
        LMError, TokenError: it is damaged or missing, or made for other tokens; or there is none and phones need one.
    """
    if recipe.scorer is not None:
        scorer = Scorer.open(recipe.scorer)
        scorer.check_tokens(tokens.tokens)
        return scorer
    if tokens.kind == "phones":
        raise TokenError("training.mwer: phones make no words without a scorer.", "Name one in training.mwer.scorer.")
    return None


def total_risk(lists: Lists, scores: torch.Tensor, texts: Sequence[str]) -> torch.Tensor:
    """Expected word errors above their mean, summed over utterances.

    What the language model and the words add to a hypothesis's score is a constant of it.

    Args:
        lists: an n-best list for each utterance.
        scores: log-probabilities by the network of all hypotheses behind each other, with gradient.
        texts: the transcripts.
    """
    scores = scores + scores.new_tensor([one.score - one.acoustic_score for found in lists for one in found])
    risks = []
    for text, found, part in zip(texts, lists, torch.split(scores, [len(found) for found in lists]), strict=True):
        risks.append(expected_errors(part, part.new_tensor(word_errors(text, [one.text for one in found]))))
    return torch.stack(risks).sum()


class CTCRisk:
    """What the training section `mwer` asks of a CTC model.

    Args:
        recipe: the section.
        tokens: of the model.

    Raises:
        LMError, TokenError: as `open_scorer`.
    """

    def __init__(self, recipe: MWERRecipe, tokens: TokenTable) -> None:
        options = SearchOptions(beam_size=recipe.beam_size, lm_weight=recipe.lm_weight, word_score=recipe.word_score)
        self.decoder = options.decoder(tokens, open_scorer(recipe, tokens))
        self.nbest, self.objective_weight = recipe.nbest, recipe.objective_weight

    def loss(self, log_probs: torch.Tensor, lengths: torch.Tensor, texts: Sequence[str]) -> torch.Tensor:
        """The batch's risk divided by its frames; a scalar.

        Args:
            log_probs: (B, T, V) natural log.
            lengths: (B,) int64.
            texts: B transcripts.
        """
        lists = self.search(log_probs, lengths, self.nbest)
        scores = ctc_scores(log_probs, lengths, [[one.tokens for one in found] for found in lists])
        return total_risk(lists, scores, texts) / lengths.sum().clamp(min=1)

    def heard(self, log_probs: torch.Tensor, lengths: torch.Tensor) -> list[str]:
        """The search's best texts."""
        return [found[0].text for found in self.search(log_probs, lengths, 1)]

    def search(self, log_probs: torch.Tensor, lengths: torch.Tensor, nbest: int) -> Lists:
        """The n-best lists of a batch; the empty text for an utterance without frames."""
        rows: list[npt.NDArray[np.float32]] = [
            row[:length] for row, length in zip(log_probs.detach().float().cpu().numpy(), lengths.tolist(), strict=True)
        ]
        found = iter(self.decoder.decode_batch([row for row in rows if len(row)], nbest, threads=torch.get_num_threads()))
        return [next(found) if len(row) else [Hypothesis((), 0.0, 0.0)] for row in rows]


class AttentionRisk:
    """What the training section `mwer` asks of an attention model; arguments and errors as of `CTCRisk`."""

    def __init__(self, recipe: MWERRecipe, tokens: TokenTable) -> None:
        weights = recipe.lm_weight, recipe.word_score
        size = max(recipe.nbest, min(recipe.beam_size, MOST_BEAM))
        self.decoder = AttentionDecoder(tokens, open_scorer(recipe, tokens), *weights, beam_size=size)
        self.nbest, self.objective_weight = recipe.nbest, recipe.objective_weight

    def loss(self, speller: Speller, encoded: torch.Tensor, lengths: torch.Tensor, texts: Sequence[str]) -> torch.Tensor:
        """The batch's risk, a scalar; it is not divided by anything.

        Args:
            speller: of the model.
            encoded: (B, T', D).
            lengths: (B,) int64.
            texts: B transcripts.
        """
        lists = self.search(speller, encoded, lengths, self.nbest)
        scores = speller_scores(speller, encoded, lengths, [[one.tokens for one in found] for found in lists])
        return total_risk(lists, scores, texts)

    def heard(self, speller: Speller, encoded: torch.Tensor, lengths: torch.Tensor) -> list[str]:
        """The search's best texts."""
        return [found[0].text for found in self.search(speller, encoded, lengths, 1)]

    def search(self, speller: Speller, encoded: torch.Tensor, lengths: torch.Tensor, nbest: int) -> Lists:
        """The n-best lists of a batch, without dropout."""
        with without_dropout(speller):
            rows = zip(encoded.detach(), lengths.tolist(), strict=True)
            return [self.decoder.decode(TorchSpeller(speller, row[:length]), nbest) for row, length in rows]


MOST_BEAM = 8  # of a search whose network runs for each hypothesis


@contextmanager
def without_dropout(module: nn.Module) -> Iterator[None]:
    """In evaluation mode for a while."""
    training = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(training)

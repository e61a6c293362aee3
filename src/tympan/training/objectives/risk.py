"""Minimum word error rate: the errors that are to be expected over an n-best list.

    loss = sum over i of P(i) (W(i) - mean W),    P = softmax over the list of its hypotheses' scores

W(i) is the number of word errors of hypothesis i. The mean does not change the gradient, d loss / d score(i) = P(i) (W(i) - E[W]), but
lets the loss begin near 0.

Source: Prabhavalkar et al. 2018, arXiv:1712.01818, equation 10; with the scores of a language model among those of the list Peyser et
al. 2020, arXiv:2008.01823.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from tympan import scoring
from tympan.models.spellers import EDGE, Speller
from tympan.tokens import BLANK


def expected_errors(scores: torch.Tensor, errors: torch.Tensor) -> torch.Tensor:
    """Errors to be expected above the list's mean, a scalar.

    Args:
        scores: (N,) of the hypotheses, natural log, normalised or not.
        errors: (N,) of each.
    """
    above: torch.Tensor = errors - errors.mean()
    return (scores.softmax(dim=0) * above).sum()


def word_errors(reference: str, texts: Sequence[str]) -> list[int]:
    """Substitutions, deletions and insertions in each text, as evaluations count them."""
    words = scoring.normalize_for_scoring(reference).split()
    return [scoring.align(words, scoring.normalize_for_scoring(text).split()).counts.errors for text in texts]


def ctc_scores(log_probs: torch.Tensor, lengths: torch.Tensor, hypotheses: Sequence[Sequence[Sequence[int]]]) -> torch.Tensor:
    """log P(hypothesis | audio) by CTC, all alignments, of all hypotheses of all utterances behind each other.

    Args:
        log_probs: (B, T, V) natural log, rows that sum to 1.
        lengths: (B,) int64.
        hypotheses: for each utterance its hypotheses' tokens, which fit into its frames.
    """
    owners = torch.tensor([row for row, found in enumerate(hypotheses) for _ in found], device=log_probs.device)
    tokens = torch.tensor([token for found in hypotheses for one in found for token in one], dtype=torch.int64, device=log_probs.device)
    counts = torch.tensor([len(one) for found in hypotheses for one in found], dtype=torch.int64, device=log_probs.device)
    repeated = log_probs.index_select(0, owners).transpose(0, 1)
    return -F.ctc_loss(repeated, tokens, lengths[owners], counts, BLANK, "none", zero_infinity=True)


def speller_scores(
    speller: Speller, encoded: torch.Tensor, lengths: torch.Tensor, hypotheses: Sequence[Sequence[Sequence[int]]]
) -> torch.Tensor:
    """log P(hypothesis, end | audio) by a speller, of all hypotheses of all utterances behind each other.

    Args:
        speller: of an attention model.
        encoded: (B, T', D).
        lengths: (B,) int64.
        hypotheses: for each utterance its hypotheses' tokens.
    """
    owners = torch.tensor([row for row, found in enumerate(hypotheses) for _ in found], device=encoded.device)
    texts = [torch.tensor(one, dtype=torch.int64, device=encoded.device) for found in hypotheses for one in found]
    targets = pad_sequence(texts, batch_first=True, padding_value=EDGE)
    log_probs = speller(encoded.index_select(0, owners), lengths[owners], targets).float().log_softmax(dim=2)
    wanted = F.pad(targets, (0, 1), value=EDGE)
    places = torch.arange(wanted.shape[1], device=encoded.device)
    ends = torch.tensor([len(one) for one in texts], device=encoded.device)[:, None]
    scores: torch.Tensor = log_probs.gather(2, wanted[..., None])[..., 0].masked_fill(places > ends, 0.0).sum(dim=1)
    return scores

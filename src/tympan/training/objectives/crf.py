"""CTC-CRF: the whole target against all other token sequences, weighed by an n-gram of tokens."""

from __future__ import annotations

import torch

from tympan.training.objectives.ctc import ctc_costs, possible
from tympan.training.objectives.denominator import Denominator
from tympan.training.objectives.graph import DenominatorGraph
from tympan.training.objectives.objective import Objective


class CTCCRF(Objective):
    """-log P(tokens | x) + ctc_weight CTC, over output frames, where with the token n-gram p and all CTC paths of a sequence

        P(tokens | x) = p(tokens) sum over paths of tokens of exp(sum of log_probs)
                        / sum over all sequences s of p(s) sum over paths of s of exp(sum of log_probs)

    This is LF-MMI with CTC's topology. An utterance whose tokens do not fit into its frames adds nothing.

    Source: Xiang and Ou 2019, CRF-based single-stage acoustic modeling with CTC topology, equations 1 to 4; An et al. 2020,
    arXiv:2005.13326, for the CTC term, without which the first steps of a training may fail.

    Args:
        graph: p.
        ctc_weight: of the CTC term.
    """

    def __init__(self, graph: DenominatorGraph, ctc_weight: float) -> None:
        super().__init__()
        self.denominator = Denominator(graph)
        self.ctc_weight = ctc_weight
        self.known: dict[tuple[int, ...], float] = {}

    def forward(self, log_probs: torch.Tensor, lengths: torch.Tensor, tokens: torch.Tensor, token_lengths: torch.Tensor) -> torch.Tensor:
        ctc = ctc_costs(log_probs, lengths, tokens, token_lengths)
        language = torch.tensor(
            [self.log_probability(tuple(target.tolist())) for target in torch.split(tokens.cpu(), token_lengths.tolist())]
        )
        costs = self.denominator(log_probs, lengths) + (1 + self.ctc_weight) * ctc - language.to(log_probs)
        return costs.where(possible(lengths, tokens, token_lengths), 0).sum() / lengths.sum().clamp(min=1)

    def heard(self, log_probs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """The log posteriors of tokens under the n-gram too: the outputs alone, which were trained to be used with it, say too much."""
        _, posteriors = self.denominator.posteriors(log_probs, lengths)
        return posteriors.clamp(min=torch.finfo(posteriors.dtype).tiny).log()

    def log_probability(self, target: tuple[int, ...]) -> float:
        """Of the target under the n-gram: it moves no weight, but makes the loss that of a probability. Worked out once a transcript."""
        if target not in self.known:
            self.known[target] = self.denominator.graph.log_probability(target)
        return self.known[target]

    def describe(self) -> str:
        graph = self.denominator.graph
        return f"denominator: {graph.num_contexts:,} contexts, {graph.num_arcs:,} n-grams of two tokens and more"

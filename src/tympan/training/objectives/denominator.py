"""log Z: the probability mass of all CTC paths of all token sequences, by forward-backward over the denominator's graph.

Each context c is two states: `label`, in which its last token may go on, and `blank`. With e(v) = exp(log_probs[t, v]) a frame makes

    label'(g) = e(last g) * (label(g) + sum over listed arcs c -> g of u * (blank(c) + label(c), this only if last c is not last g))
    blank'(c) = e(blank) * (label(c) + blank(c))

after label and blank masses were passed on to shorter contexts, each by itself: so CTC's rule that equal neighbours need a blank
between them holds on the way of back-off too. The gradient of log Z by log_probs[t, v] is the posterior of v in frame t.

These are probabilities, each frame's scaled to a sum of about one, not logarithms: no exp and log in the inner loop. Nor is a leak
needed (Povey et al. 2016, section 2.5), since any token can come next in any state, by back-off: mass never dies out, and a state with
less than 1e-38 of it cannot come to matter, as whatever it could hear, another state hears at the cost of that back-off, some 1e-7.
"""

from __future__ import annotations

from typing import Any

import torch

from tympan import _native
from tympan.errors import ShapeError
from tympan.training.objectives.forward_backward import Steps, log_partition
from tympan.training.objectives.graph import DenominatorGraph


class Denominator:
    """(B, T, V) log_probs, (B,) lengths -> (B,) log Z, with its gradient.

    In float32 native code does the work on the CPU, in as many threads as torch has; on CUDA devices and in float64 torch does.

    Args:
        graph: the language model of token sequences.
    """

    def __init__(self, graph: DenominatorGraph) -> None:
        self.graph = graph
        arcs = graph.sources, graph.targets, graph.weights
        self.native = _native.Denominator(graph.last, graph.parent, graph.backoff, *arcs, graph.unigram, graph.final)
        self.steps: dict[tuple[torch.device, torch.dtype], Steps] = {}

    def __call__(self, log_probs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """log Z (B,) of log_probs (B, T, V), natural log, of which the first `lengths` (B,) frames count.

        Raises:
            ShapeError: V is not the graph's, or a length is beyond T.
        """
        log_z: torch.Tensor = LogPartition.apply(log_probs, lengths, self)  # type: ignore[no-untyped-call]
        return log_z

    def posteriors(self, log_probs: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """log Z (B,) and the posterior of each token in each frame (B, T, V), zero from an utterance's length on."""
        if log_probs.shape[2] != self.graph.num_tokens:
            raise ShapeError(f"log_probs have {log_probs.shape[2]} tokens a frame, the denominator {self.graph.num_tokens}.")
        log_probs = log_probs.detach()
        place = log_probs.device, log_probs.dtype
        if place[0].type != "cuda" and place[1] == torch.float32:
            log_z, posteriors = torch.empty(len(log_probs)), torch.empty(log_probs.shape)
            inputs = log_probs.cpu().contiguous().numpy(), lengths.cpu().to(torch.int64).contiguous().numpy()
            self.native.run(*inputs, log_z.numpy(), posteriors.numpy(), torch.get_num_threads())
            return log_z.to(place[0]), posteriors.to(place[0])
        if place not in self.steps:
            self.steps[place] = Steps(self.graph, *place)
        return log_partition(self.steps[place], log_probs, lengths.to(place[0]))


class LogPartition(torch.autograd.Function):
    """log Z, whose gradient is the posteriors: nothing else is kept for the backward pass."""

    @staticmethod
    def forward(ctx: Any, log_probs: torch.Tensor, lengths: torch.Tensor, denominator: Denominator) -> torch.Tensor:
        log_z, posteriors = denominator.posteriors(log_probs, lengths)
        ctx.save_for_backward(posteriors)
        return log_z

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        (posteriors,) = ctx.saved_tensors
        return posteriors * gradient[:, None, None], None, None

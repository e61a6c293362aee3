"""Forward-backward over the denominator's graph in torch: for GPUs and float64, and what the native one is tested against.

Tensors over states are (C, B). The formulas stand in `denominator`, the graph's in `graph`.
"""

from __future__ import annotations

import torch

from tympan.tokens import BLANK
from tympan.training.objectives.graph import START, DenominatorGraph

States = tuple[torch.Tensor, torch.Tensor]
"""Label and blank masses of all contexts, (C, B) each."""


class Steps:
    """One frame forward or back.

    Args:
        graph: the language model of token sequences.
        device: where the work is done.
        dtype: float32 or float64.
    """

    def __init__(self, graph: DenominatorGraph, device: torch.device, dtype: torch.dtype) -> None:
        self.num_tokens, self.num_contexts = graph.num_tokens, graph.num_contexts
        index = {name: torch.from_numpy(getattr(graph, name)).to(device).long() for name in ("last", "parent", "sources", "targets")}
        self.last, self.parent, self.targets = index["last"], index["parent"], index["targets"]
        # Arcs begin in (label + blank; blank): those to the token that their source ends in may only take blank's mass.
        equal = self.last[index["sources"]] == self.last[self.targets]
        self.sources = index["sources"] + self.num_contexts * equal
        values = {
            name: torch.from_numpy(getattr(graph, name)).to(device, dtype)[:, None] for name in ("backoff", "weights", "unigram", "final")
        }
        self.backoff, self.weights, self.unigram, self.final = values.values()
        self.levels = levels_of(graph, device)

    def forward(self, states: States, emissions: torch.Tensor) -> States:
        """Masses after a frame with `emissions` (V, B)."""
        label, blank = states
        passed_label, passed_blank = label.clone(), blank.clone()
        for level in reversed(self.levels):
            for passed in (passed_label, passed_blank):
                passed.index_add_(0, self.parent[level], passed[level] * self.backoff[level])
        into = label.clone()  # the last token goes on
        free = torch.cat([passed_label + passed_blank, passed_blank])
        into.index_add_(0, self.targets, free[self.sources] * self.weights)
        V, b = self.num_tokens, self.backoff
        own = (b[:V] * passed_label[:V]).double()
        alone = own.sum(dim=0) + (b[:V] * passed_blank[:V]).sum(dim=0) - own  # in float64, since all but `own` may be little
        into[:V] += self.unigram * alone.to(into.dtype)
        return into * emissions[self.last], (label + blank) * emissions[BLANK]

    def backward(self, after: States, emissions: torch.Tensor) -> States:
        """The adjoint of `forward`: what each state before a frame is worth."""
        label, blank = after[0] * emissions[self.last], after[1] * emissions[BLANK]
        free = torch.zeros(2 * self.num_contexts, label.shape[1], dtype=label.dtype, device=label.device)
        free.index_add_(0, self.sources, label[self.targets] * self.weights)
        passed_label, passed_blank = free[: self.num_contexts].clone(), free[: self.num_contexts] + free[self.num_contexts :]
        V, b = self.num_tokens, self.backoff
        own = (self.unigram * label[:V]).double()
        alone = own.sum(dim=0)
        passed_label[:V] += b[:V] * (alone - own).to(label.dtype)
        passed_blank[:V] += b[:V] * alone.to(label.dtype)
        for level in self.levels:
            for passed in (passed_label, passed_blank):
                passed[level] += passed[self.parent[level]] * self.backoff[level]
        return passed_label + label + blank, passed_blank + blank

    def posteriors(self, before: States, after: States) -> torch.Tensor:
        """(V, B): which token each frame has, from the masses that lead to its states and those that their futures are worth."""
        occupied = torch.zeros(self.num_tokens, before[0].shape[1], dtype=before[0].dtype, device=before[0].device)
        occupied.index_add_(0, self.last, before[0] * after[0])
        occupied[BLANK] = (before[1] * after[1]).sum(dim=0)  # the beginning has no label mass
        return occupied / occupied.sum(dim=0).clamp_min(torch.finfo(occupied.dtype).tiny)


def levels_of(graph: DenominatorGraph, device: torch.device) -> list[torch.Tensor]:
    """The contexts of two tokens and more by how often they can back off to a shorter one."""
    depths = [0] * graph.num_tokens
    for parent in graph.parent[graph.num_tokens :].tolist():
        depths.append(depths[parent] + 1)
    depth = torch.tensor(depths, device=device)
    return [(depth == level).nonzero()[:, 0] for level in range(1, max(depths) + 1)]


def log_partition(steps: Steps, log_probs: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(B, T, V), (B,) -> log Z (B,), and posteriors (B, T, V), which are zero from an utterance's length on.

    Memory: 2 C (T + 1) B numbers.
    """
    frames = torch.arange(log_probs.shape[1], device=log_probs.device)[:, None]  # (T, 1)
    valid = frames < lengths  # (T, B)
    peaks = log_probs.amax(dim=2).T.where(valid, 0)  # (T, B)
    emissions = (log_probs.permute(1, 2, 0) - peaks[:, None]).exp().where(valid[:, None], 0)  # (T, V, B)
    nothing = log_probs.new_zeros(steps.num_contexts, len(log_probs))
    blank = nothing.clone()
    blank[START] = 1
    history: list[States] = [(nothing, blank)]
    scale = torch.zeros_like(blank[0])  # logarithm of what was taken out of the masses
    log_z = (blank * steps.final).sum(dim=0).log()
    for frame, (emission, peak) in enumerate(zip(emissions, peaks, strict=True)):
        label, blank = steps.forward(history[-1], emission)
        total = (label + blank).sum(dim=0).where(valid[frame], 1)
        emission /= total
        label, blank = label / total, blank / total
        history.append((label, blank))
        scale = scale + peak + total.log()
        log_z = torch.where(lengths == frame + 1, scale + ((label + blank) * steps.final).sum(dim=0).log(), log_z)
    posteriors = torch.zeros_like(emissions)
    after = nothing, nothing
    for frame in range(len(emissions), 0, -1):
        after = steps.final.where(lengths == frame, after[0]), steps.final.where(lengths == frame, after[1])
        posteriors[frame - 1] = steps.posteriors(history[frame], after)
        after = steps.backward(after, emissions[frame - 1])
    return log_z, posteriors.permute(2, 0, 1)

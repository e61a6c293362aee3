"""One optimiser step: backward passes of a group of batches, the sum over all processes, and an update unless something is not finite.

    loss of a step = mean of the losses of its batches, in whatever process each was

A batch for which the memory does not suffice is taken in two halves, each weighted by its share of the output frames, so that the
gradient is that of the whole (the losses are divided by frames: SEED correction C13). Batch norms then see two smaller batches, and
dropout draws anew.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from tympan.data.torch_batches import Batch
from tympan.data.torch_loading import Group
from tympan.training import memory
from tympan.training.ranks import Ranks

if TYPE_CHECKING:
    from tympan.training.tasks.task import Task


@dataclass
class Wishes:
    """What one process wants all to do after this step; in what comes back, whether any wanted it."""

    save: bool = False
    stop: bool = False


@dataclass
class Taken:
    """What became of a step; equal in all processes but for `own` and `skipped`.

    Attributes:
        loss: mean over the batches.
        gradient_norm: before clipping.
        finite: whether both are, so that the weights were updated.
        seconds: of audio, of all processes.
        wishes: of all processes.
        skips: utterances that were skipped, in all processes.
        skipped: id -> why, in this process.
        own: the batches of this process, where the step was not finite.
        done: batches of the epoch that are done.
    """

    loss: float
    gradient_norm: float
    finite: bool
    seconds: float
    wishes: Wishes
    skips: int
    skipped: dict[str, str]
    own: list[Batch]
    done: int


@dataclass
class Stepper:
    """Takes steps.

    Args:
        task: the network, its loss, and how weights are updated.
        ranks: the processes.
        note: told about batches that were split.
        wishes: of this process, for the next step; they are granted by whoever reads `Taken`.
    """

    task: Task
    ranks: Ranks = field(default_factory=Ranks)
    note: Callable[[str], None] = lambda text: None
    wishes: Wishes = field(default_factory=Wishes)

    def take(self, group: Group, optimizer: torch.optim.Optimizer) -> Taken:
        """One step on `group`."""
        kept = [buffer.clone() for buffer in self.buffers()]
        skipped = {name: reason for batch in group.batches for name, reason in batch.skipped.items()}
        loss = self.backward(group, kept, skipped)
        seconds = sum(batch.seconds for batch in group.batches)
        facts = torch.tensor([seconds, self.wishes.save, self.wishes.stop, len(skipped)], dtype=torch.float32, device=loss.device)
        self.wishes = Wishes()
        numbers = torch.cat([loss.reshape(1), facts])
        self.add_up(numbers)
        norm = self.task.shorten_gradients()
        mean, seconds, save, stop, skips, norm_value = torch.cat([numbers, norm.reshape(1).to(numbers)]).tolist()
        finite = math.isfinite(mean) and math.isfinite(norm_value)
        if finite:
            self.task.update(optimizer)
        else:
            self.put_back(kept)
        optimizer.zero_grad(set_to_none=True)
        own = [] if finite else group.batches
        return Taken(mean, norm_value, finite, seconds, Wishes(save > 0, stop > 0), int(skips), skipped, own, group.done)

    def backward(self, group: Group, kept: list[torch.Tensor], skipped: dict[str, str]) -> torch.Tensor:
        """Leave the gradient of this process's part of the loss in the parameters; that part of the loss, a scalar."""
        pieces = [(batch, 1 / group.total) for batch in group.batches if batch.ids]
        place = 0
        total = torch.zeros((), device=self.task.device)
        while place < len(pieces):
            batch, weight = pieces[place]
            loss = self.attempt(batch, weight)
            if loss is not None:
                total, place = total + loss, place + 1
                continue
            memory.release(self.task.device)
            pieces[place : place + 1] = self.split(batch, weight, skipped)
            # A backward pass that broke off has left half a gradient: all of the step is done again.
            self.task.zero_grad(set_to_none=True)
            self.put_back(kept)
            place, total = 0, torch.zeros_like(total)
        return total

    def attempt(self, batch: Batch, weight: float) -> torch.Tensor | None:
        """Weight times the loss of a batch, its gradient added to the parameters'; None if the memory does not suffice."""
        try:
            loss = weight * self.task.loss(batch)
            with torch.autocast(loss.device.type, enabled=False):
                torch.autograd.backward(loss)
            return loss.detach()
        except (MemoryError, RuntimeError) as error:
            if not memory.is_out_of_memory(error):
                raise
            return None
        finally:
            torch.clear_autocast_cache()  # else the next pass would go on in the graph of this one

    def split(self, batch: Batch, weight: float, skipped: dict[str, str]) -> list[tuple[Batch, float]]:
        """The shorter and the longer half of a batch, weighted by what their losses are divided by; nothing of a single utterance."""
        order = torch.argsort(batch.lengths[: len(batch.ids) // batch.views], stable=True).tolist()
        longest = f"{batch.ids[order[-1]]}, {int(batch.lengths[order[-1]]):,} frames"
        if len(order) == 1:
            skipped[batch.ids[0]] = f"the memory does not suffice for it alone ({int(batch.lengths[0]):,} frames)"
            self.note(f"out of memory on a single utterance, which is left out: {longest}")
            return []
        self.note(f"out of memory on {len(order)} utterances, which are taken in two halves; the longest is {longest}")
        halves = [batch.part(part) for part in (order[: len(order) // 2], order[len(order) // 2 :])]
        parts = [self.task.divisor(half) for half in halves]
        return [(half, weight * count / max(1, sum(parts))) for half, count in zip(halves, parts, strict=True)]

    def add_up(self, numbers: torch.Tensor) -> None:
        """Sum `numbers` and all gradients over the processes; average the buffers (running statistics)."""
        if self.ranks.world_size == 1:
            return
        parameters = [parameter for parameter in self.task.model.parameters() if parameter.requires_grad]
        # A layer that was dropped here may have a gradient elsewhere; one that was dropped everywhere must stay without.
        has = torch.tensor([parameter.grad is not None for parameter in parameters], dtype=torch.float32, device=numbers.device)
        self.ranks.sum([numbers, has])
        chosen = [parameter for parameter, count in zip(parameters, has.tolist(), strict=True) if count]
        for parameter in chosen:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        gradients = [parameter.grad for parameter in chosen if parameter.grad is not None]
        buffers = [buffer for buffer in self.buffers() if buffer.is_floating_point()]
        self.ranks.sum([*gradients, *buffers])
        for buffer in buffers:
            buffer /= self.ranks.world_size

    def buffers(self) -> list[torch.Tensor]:
        """The running statistics of the network and of the objective."""
        return [*self.task.model.buffers(), *self.task.objective.buffers()]

    def put_back(self, kept: list[torch.Tensor]) -> None:
        """The running statistics as they were: one batch that is not finite would spoil them for ever."""
        with torch.no_grad():
            for buffer, before in zip(self.buffers(), kept, strict=True):
                buffer.copy_(before)

"""The processes of one training: how many there are, which one this is, and what they tell each other.

Gradients are added up by `Ranks.sum`, explicitly and after the backward passes, not by the hooks of DistributedDataParallel: a process
that runs out of memory half-way through a batch, or meets a loss that is not finite, can then mend that for itself before the others
see anything of it. What is lost is the overlap of that sum with the backward pass: some milliseconds a step for networks of this size.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from lightning.pytorch.strategies import DDPStrategy
from torch import distributed

from tympan.training.recipe import TrainerRecipe
from tympan.training.watch import Watch

CPU = torch.device("cpu")
BUCKET = 8 << 20  # numbers in one message, 32 MB


def own_rank(devices: int = 1, environment: Mapping[str, str] = os.environ) -> int:
    """This process's number among all of them, from what torchrun, SLURM or Lightning's launcher set; 0 if nothing did."""
    if "RANK" in environment:
        return int(environment["RANK"])
    if started_by_slurm(environment):
        return int(environment["SLURM_PROCID"])
    return int(environment.get("NODE_RANK", 0)) * devices + int(environment.get("LOCAL_RANK", 0))


def started_by_slurm(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether srun started several tasks of this command, not one shell in which it was typed."""
    return int(environment.get("SLURM_NTASKS", 1)) > 1 and "SLURM_PROCID" in environment and SLURMEnvironment.detect()


def topology(recipe: TrainerRecipe, environment: Mapping[str, str] = os.environ) -> tuple[int, int]:
    """Processes on each machine, and machines: those of torchrun or SLURM where one of them started this, else the recipe's."""
    if "TORCHELASTIC_RUN_ID" in environment:
        local = int(environment["LOCAL_WORLD_SIZE"])
        return local, int(environment["WORLD_SIZE"]) // local
    if started_by_slurm(environment):
        nodes = int(environment.get("SLURM_NNODES", 1))
        return int(environment["SLURM_NTASKS"]) // nodes, nodes
    if recipe.devices != "auto":
        return recipe.devices, recipe.num_nodes
    on_gpu = recipe.accelerator in ("auto", "gpu") and torch.cuda.is_available()
    return torch.cuda.device_count() if on_gpu else 1, recipe.num_nodes


class Processes(DDPStrategy):
    """Lightning's processes and their group, without the wrapper around the network: see this module's docstring."""

    def __init__(self, timeout_minutes: float) -> None:
        super().__init__(timeout=timedelta(minutes=timeout_minutes))

    def configure_ddp(self) -> None:
        """Nothing is wrapped."""


@dataclass
class Ranks:
    """This process among all, and what goes between them; alone, nothing goes anywhere.

    Attributes:
        rank: from 0.
        world_size: how many there are.
        device: where tensors to be sent lie.
        watch: knows who died.
    """

    rank: int = 0
    world_size: int = 1
    device: torch.device = CPU
    watch: Watch | None = None

    def sum(self, tensors: Sequence[torch.Tensor]) -> None:
        """Put the sum over all processes into each of `tensors` (float32), in a few large messages."""
        if self.world_size == 1:
            return
        bucket: list[torch.Tensor] = []
        for tensor in tensors:
            if bucket and sum(map(torch.Tensor.numel, bucket)) + tensor.numel() > BUCKET:
                self._sum_bucket(bucket)
                bucket = []
            bucket.append(tensor)
        if bucket:
            self._sum_bucket(bucket)

    def _sum_bucket(self, tensors: list[torch.Tensor]) -> None:
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        with self.together():
            distributed.all_reduce(flat)
        for tensor, part in zip(tensors, torch.split(flat, [tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(part.view_as(tensor))

    def gather(self, value: Any) -> list[Any]:
        """The JSON values of all processes, by rank."""
        return [json.loads(content) for content in self.gather_bytes(json.dumps(value).encode())]

    def gather_bytes(self, content: bytes) -> list[bytes]:
        """The bytes of all processes, by rank. No pickle, as torch's own gathering of objects would use it."""
        if self.world_size == 1:
            return [content]
        own = torch.frombuffer(bytearray(content or b"\0"), dtype=torch.uint8).to(self.device)
        lengths = [torch.zeros(1, dtype=torch.int64, device=self.device) for _ in range(self.world_size)]
        with self.together():
            distributed.all_gather(lengths, torch.tensor([len(content)], device=self.device))
            longest = max(1, *(int(length) for length in lengths))
            padded = torch.cat([own, own.new_zeros(max(0, longest - len(own)))])[:longest]
            found = [torch.zeros_like(padded) for _ in range(self.world_size)]
            distributed.all_gather(found, padded)
        return [tensor[: int(length)].cpu().numpy().tobytes() for tensor, length in zip(found, lengths, strict=True)]

    def of_first(self, value: Any) -> Any:
        """The JSON value of rank 0."""
        return self.gather(value)[0]

    def same(self, tensors: Iterable[torch.Tensor]) -> None:
        """Give every process the tensors of rank 0."""
        if self.world_size > 1:
            with self.together():
                for tensor in tensors:
                    distributed.broadcast(tensor, src=0)

    @contextmanager
    def together(self) -> Iterator[None]:
        """What needs all processes: if it fails because one died, this one ends too, and who died is told."""
        try:
            yield
        except RuntimeError:
            if self.watch is not None:
                self.watch.leave_if_alone()
            raise

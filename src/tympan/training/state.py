"""Between a running training and its checkpoint."""

from __future__ import annotations

from typing import Any

import torch

from tympan.errors import CheckpointError
from tympan.training.checkpoint import Checkpoint
from tympan.training.ranks import Ranks
from tympan.training.tasks.task import Task


def capture(task: Task, optimizer: torch.optim.Optimizer, facts: dict[str, Any]) -> Checkpoint:
    """The state of `task` and `optimizer` now; `facts` come along."""
    names: dict[torch.Tensor, str] = {parameter: name for name, parameter in task.model.named_parameters()}
    states = {
        (names[parameter], key): value
        for parameter, state in optimizer.state.items()
        for key, value in state.items()
        if isinstance(value, torch.Tensor)
    }
    counters = {"step": task.optimizer_steps, "average_steps": task.average.steps}
    weights = task.model.state_dict(), task.average.weights
    return Checkpoint(*weights, states, torch.get_rng_state(), {**facts, **counters}, task.objective.state_dict())


def restore(task: Task, optimizer: torch.optim.Optimizer, checkpoint: Checkpoint) -> None:
    """Put everything but the random state back.

    Raises:
        CheckpointError: the checkpoint's weights are not those of this network.
    """
    try:
        task.model.load_state_dict(checkpoint.model)
        task.objective.load_state_dict(checkpoint.objective)
        task.average.weights = {name: checkpoint.average[name].clone() for name in task.average.weights}
    except (RuntimeError, KeyError):
        raise CheckpointError(
            "The checkpoint's weights do not fit the recipe's network.", "Resume with the recipe that the run began with."
        ) from None
    task.average.steps = checkpoint.facts["average_steps"]
    task.optimizer_steps = checkpoint.facts["step"]
    task.errors = [row["wer"] for row in checkpoint.facts["history"]]
    for name, parameter in task.model.named_parameters():
        # Step counters stay on the CPU, where AdamW keeps them; moments go where the parameter is.
        state = {
            key: value.to(parameter.device, copy=True) if value.ndim else value.clone()
            for (owner, key), value in checkpoint.optimizer.items()
            if owner == name
        }
        if state:
            optimizer.state[parameter] = state


def capture_random(ranks: Ranks) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """The state of rank 0's generator on the CPU, and those of all others by rank and device ("0/cuda", "1/cpu").

    All processes must call it.
    """
    own = {"cpu": torch.get_rng_state()}
    if ranks.device.type == "cuda":
        own["cuda"] = torch.cuda.get_rng_state(ranks.device)
    found: dict[str, torch.Tensor] = {}
    for device, state in own.items():
        for rank, content in enumerate(ranks.gather_bytes(state.numpy().tobytes())):
            found[f"{rank}/{device}"] = torch.frombuffer(bytearray(content), dtype=torch.uint8)
    return found.pop("0/cpu"), found


def restore_random(checkpoint: Checkpoint, ranks: Ranks, seed: int) -> None:
    """Put this process's generators back; one that the checkpoint does not know (more processes than then) is seeded by its rank."""
    states = {"0/cpu": checkpoint.random, **checkpoint.more_random}
    if f"{ranks.rank}/cpu" not in states:
        torch.manual_seed(seed + ranks.rank + checkpoint.facts["step"])
        return
    torch.set_rng_state(states[f"{ranks.rank}/cpu"])
    if ranks.device.type == "cuda" and f"{ranks.rank}/cuda" in states:
        torch.cuda.set_rng_state(states[f"{ranks.rank}/cuda"], ranks.device)

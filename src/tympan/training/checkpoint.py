"""Checkpoints without pickle: tensors as safetensors, everything else as JSON in the same file's header.

One file holds all that a training depends on (SEED correction C18): weights, averaged weights, optimiser, step, place in the
data, random state, the recipe and the token table. It is written under a temporary name, synced and renamed.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tympan.errors import CheckpointError, TrainingError
from tympan.files import atomic_path

FORMAT = 1
KEY = "tympan"


Count = Annotated[int, Field(ge=0)]
Hours = Annotated[float, Field(ge=0)]


class Facts(BaseModel):
    """The plain data of a checkpoint; a key beyond these is refused, as it could only be meant for another reader."""

    model_config = ConfigDict(extra="forbid", strict=True)

    format: Count
    recipe: dict[str, Any]
    tokens: dict[str, Any]
    model: dict[str, Any]
    features: dict[str, Any]
    streaming: dict[str, Any] = {}
    hours: Hours
    dev_hours: Hours
    version: str
    data_sha256: str = ""  # of ids and texts; none in the first checkpoints
    epoch: Count
    batch: Count
    history: list[dict[str, float]]
    losses: list[float] = []  # since the last line of the log; none in the first checkpoints
    step: Count
    average_steps: Count
    skipped: dict[str, str] = {}
    bad_steps: Count = 0
    batches_per_step: Count = 0  # 0: not known, of before there was more than one process


@dataclass
class Checkpoint:
    """The state of a training.

    Attributes:
        model: weights and buffers by name.
        average: averaged weights by name; empty if the recipe averages none.
        optimizer: (parameter name, state name) -> tensor.
        random: torch's generator state on the CPU, of the first process.
        facts: plain data, see `Facts`.
        more_random: states of other generators, see `capture_random`.
        objective: what the training objective remembers, by name; mostly nothing.
    """

    model: dict[str, torch.Tensor]
    average: dict[str, torch.Tensor]
    optimizer: dict[tuple[str, str], torch.Tensor]
    random: torch.Tensor
    facts: dict[str, Any]
    objective: dict[str, torch.Tensor] = field(default_factory=dict)
    more_random: dict[str, torch.Tensor] = field(default_factory=dict)

    @property
    def weights(self) -> dict[str, torch.Tensor]:
        """The weights to use: the averaged ones where there are any."""
        return {**self.model, **self.average}


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write `checkpoint` to `path`, atomically.

    Raises:
        TrainingError: there is no room, or nothing can be written there; an older file of that name is as it was.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    tensors = {f"model/{name}": tensor for name, tensor in checkpoint.model.items()}
    tensors |= {f"average/{name}": tensor for name, tensor in checkpoint.average.items()}
    tensors |= {f"optimizer/{name}/{state}": tensor for (name, state), tensor in checkpoint.optimizer.items()}
    tensors |= {f"random/{name}": tensor for name, tensor in checkpoint.more_random.items()}
    tensors |= {f"objective/{name}": tensor for name, tensor in checkpoint.objective.items()}
    tensors["random"] = checkpoint.random
    contiguous = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    metadata = {KEY: json.dumps({"format": FORMAT, **checkpoint.facts})}
    try:
        with atomic_path(path) as temporary:
            save_file(contiguous, temporary, metadata=metadata)
    except (OSError, SafetensorError) as error:
        needed = sum(tensor.nbytes for tensor in contiguous.values())
        raise TrainingError(f"{path} cannot be written: {reason(error)}.", room(path.parent, needed)) from None


def reason(error: Exception) -> str:
    """What the system says, without the library's words around it."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return re.sub(r"^.*error: | \(os error \d+\)", "", str(error))  # safetensors: "I/O error: No space left on device (os error 28)"


def room(folder: Path, needed: int) -> str:
    """How much is needed and free."""
    try:
        return f"It needs {needed / 1e6:,.1f} MB; {shutil.disk_usage(folder).free / 1e6:,.1f} MB are free."
    except OSError:
        return f"It needs {needed / 1e6:,.1f} MB."


def load_checkpoint(path: str | Path) -> Checkpoint:
    """Read a checkpoint; it can hold numbers and text only, so nothing of it is run.

    Raises:
        CheckpointError: no such file, not a checkpoint of Tympan, damaged, or of a newer format.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"There is no checkpoint {path}.", "A run's folder holds last.safetensors and best.safetensors.")
    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads((file.metadata() or {})[KEY])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (the file is no mapping)
    except (SafetensorError, KeyError, ValueError, RecursionError, OSError) as error:
        raise CheckpointError(
            f"{path} is not a checkpoint of Tympan, or it is damaged ({type(error).__name__}).",
            "Only safetensors files that `tympan train` wrote are read; files with pickle (.ckpt, .pt, .pth) never are.",
        ) from None
    check_facts(facts, path)
    if "random" not in tensors:
        raise CheckpointError(f"{path} is damaged: the tensor 'random' is missing.")
    groups: dict[str, dict[str, torch.Tensor]] = {"model": {}, "average": {}, "optimizer": {}, "random": {}, "objective": {}}
    for name, tensor in tensors.items():
        group, _, rest = name.partition("/")
        if group in groups and rest:
            groups[group][rest] = tensor
    optimizer = {(name.rpartition("/")[0], name.rpartition("/")[2]): tensor for name, tensor in groups["optimizer"].items()}
    return Checkpoint(groups["model"], groups["average"], optimizer, tensors["random"], facts, groups["objective"], groups["random"])


def check_facts(facts: object, path: Path) -> None:
    """CheckpointError if the plain data is of another format, incomplete, or holds what no checkpoint has."""
    number = facts.get("format") if isinstance(facts, dict) else None
    if number != FORMAT:
        raise CheckpointError(f"{path} has checkpoint format {number}; this version reads {FORMAT}.", "Update Tympan.")
    try:
        Facts.model_validate(facts)
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]
        raise CheckpointError(f"{path} is not a checkpoint of Tympan, or it is damaged ({'; '.join(problems[:3])}).") from None

"""Weights to begin with, from the checkpoint of another training or from a bundle."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from tympan.errors import CheckpointError
from tympan.training.checkpoint import load_checkpoint
from tympan.training.from_bundle import bundle_weights


def take_weights(model: nn.Module, path: Path) -> tuple[int, list[str]]:
    """Copy the weights of a checkpoint (averaged ones where there are any) or bundle into `model` where name and shape agree.

    Returns:
        The number of tensors taken, and the names of the model's that keep their random values.

    Raises:
        CheckpointError: no such checkpoint, or nothing of it fits.
        BundleError: no such bundle, or its weights cannot be read back.
    """
    found = bundle_weights(path) if path.suffix == ".tympan" else load_checkpoint(path).weights
    own = model.state_dict()
    fitting = {name: tensor for name, tensor in found.items() if name in own and own[name].shape == tensor.shape}
    if not fitting:
        raise CheckpointError(f"No weights of {path} fit this network.", "training.initial needs a checkpoint of the same encoder.")
    with torch.no_grad():
        model.load_state_dict(fitting, strict=False)
    return len(fitting), sorted(own.keys() - fitting.keys())

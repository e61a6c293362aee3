"""Weights to begin with, from the checkpoint of another training or from a bundle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from tympan.bundle import Bundle
from tympan.errors import CheckpointError, RecipeError, TokenError
from tympan.models.speech_model import SpeechModel
from tympan.tokens import TokenTable
from tympan.training.checkpoint import load_checkpoint
from tympan.training.from_bundle import bundle_weights


@dataclass(frozen=True)
class Taken:
    """What a network took over.

    Attributes:
        whole: tensors that were taken as they are.
        partial: tensors of which only the rows of tokens that both tables have were taken.
        new: tensors that keep their random values.
    """

    whole: int
    partial: list[str]
    new: list[str]

    def __str__(self) -> str:
        parts = f", of {', '.join(self.partial)} what belongs to tokens of both tables" if self.partial else ""
        return f"{self.whole} tensors{parts}; new are: {', '.join(self.new) or 'none'}"


def take_weights(model: SpeechModel, tokens: TokenTable, path: Path) -> Taken:
    """Copy the weights of a checkpoint (averaged ones where there are any) or bundle into `model`.

    Tensors go by name and shape, and those of the outputs by token: where the other training had the token at another index, it is
    found there, and tokens that it had not keep their random values.

    Raises:
        CheckpointError: no such checkpoint, or nothing of it fits.
        BundleError: no such bundle, or its weights cannot be read back.
    """
    weights, theirs = source(path)
    own, outputs = model.state_dict(), model.token_axes()
    pairs = [(index, theirs.index[token]) for token, index in tokens.index.items() if token in theirs.index]
    same = tokens.tokens == theirs.tokens and tokens.kind == theirs.kind
    if tokens.kind != theirs.kind:
        pairs = []  # the letter B is not the phone B
    fitting, partial = {}, []
    for name, tensor in weights.items():
        if name not in own:
            continue
        if name in outputs and not same:
            merged = by_token(own[name], tensor, outputs[name], (len(tokens), len(theirs)), pairs)
            if merged is not None:
                fitting[name] = merged
                partial.append(name)
        elif own[name].shape == tensor.shape:
            fitting[name] = tensor
    if not fitting.keys() - set(partial):
        raise CheckpointError(f"No weights of {path} fit this network.", "training.initial needs a checkpoint of the same encoder.")
    with torch.no_grad():
        model.load_state_dict(fitting, strict=False)
    return Taken(len(fitting) - len(partial), partial, sorted(own.keys() - fitting.keys()))


def source(path: Path) -> tuple[dict[str, torch.Tensor], TokenTable]:
    """The weights of a checkpoint or bundle and the token table that they were trained with."""
    if path.suffix == ".tympan":
        return bundle_weights(path), Bundle.open(path).tokens
    checkpoint = load_checkpoint(path)
    try:
        return checkpoint.weights, TokenTable.from_dict(checkpoint.facts["tokens"])
    except TokenError as error:
        raise CheckpointError(f"{path} is damaged: {error.message}") from None


def by_token(
    own: torch.Tensor, theirs: torch.Tensor, axis: int, sizes: tuple[int, int], pairs: list[tuple[int, int]]
) -> torch.Tensor | None:
    """`own` with the slices of `theirs` for (own index, their index) along `axis`; None if the tensors differ in more than tokens.

    The axis may hold several frames' tokens behind each other (a head that unfolds).
    """
    if not pairs or own.ndim != theirs.ndim or own.shape[axis] // sizes[0] != theirs.shape[axis] // sizes[1]:
        return None
    merged, found = own.movedim(axis, 0), theirs.movedim(axis, 0)  # (u V, ...)
    if merged.shape[1:] != found.shape[1:]:
        return None
    merged, found = merged.reshape(-1, sizes[0], *merged.shape[1:]).clone(), found.reshape(-1, sizes[1], *found.shape[1:])
    indices, sources = torch.tensor(pairs).T
    merged[:, indices] = found[:, sources]
    return merged.flatten(0, 1).movedim(0, axis)


def freeze(model: nn.Module, prefixes: Sequence[str]) -> None:
    """Keep the parameters whose names begin with one of `prefixes` as they are; RecipeError names a prefix of none."""
    names = [name for name, _ in model.named_parameters()]
    if wrong := [prefix for prefix in prefixes if not any(name.startswith(prefix) for name in names)]:
        raise RecipeError(f"training.freeze: no parameter's name begins with {wrong[0]!r}.", f"Names are {', '.join(names[:3])}, ...")
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(not name.startswith(tuple(prefixes)))

"""What a training will take, told before it begins: shapes, steps, time, memory, and what the doctor sees in the manifests."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from tympan.data import doctor
from tympan.data.batches import plan_batches
from tympan.data.cache import spoken_bytes
from tympan.data.manifest import Utterance
from tympan.data.torch_batches import PAD_FRAMES, Batch
from tympan.features import Extractor
from tympan.models.build import count_parameters
from tympan.tokens import TokenTable
from tympan.training.objectives import build_objective
from tympan.training.precision import precision_here
from tympan.training.prepare import build_network, check_texts, read_sets, speller, token_table
from tympan.training.recipe import Recipe
from tympan.training.sounds import plan_sounds
from tympan.training.tasks import Task, make_task

TRIALS = 2  # timed steps, after one that warms up
STATES = 4  # weights, gradients and AdamW's two moments


@dataclass(frozen=True)
class Forecast:
    """What is known before the first step.

    Attributes:
        hours: of audio in an epoch.
        steps: optimiser steps in an epoch.
        epochs: in all.
        features: (B, T, F) of a batch in the middle.
        log_probs: (B, T', V) of it; of a speller (B, U + 1, V), of a transducer (B, T' (U + 1), V).
        step_s: seconds for a step with it, here; reading the audio comes beside it.
        memory_mb: MiB for weights, optimiser and that batch.
        findings: the doctor's, of the manifests alone.
        cache: how much of the recordings will be kept, and where.
    """

    hours: float
    steps: int
    epochs: int
    features: tuple[int, int, int]
    log_probs: tuple[int, int, int]
    step_s: float
    memory_mb: float
    findings: list[str]
    cache: str = ""

    @property
    def total_s(self) -> float:
        """Seconds of the whole training, its validations not counted."""
        return self.step_s * self.steps * self.epochs

    def to_dict(self) -> dict[str, Any]:
        """For people and machines: what follows the recipe in `tympan train --dry-run`."""
        return {
            "audio_h_an_epoch": round(self.hours, 3),
            "epochs": self.epochs,
            "steps_an_epoch": self.steps,
            "steps": self.steps * self.epochs,
            "features": list(self.features),
            "log_probs": list(self.log_probs),
            "step_s": round(self.step_s, 4),
            "total": f"{spoken(self.total_s)} here, without validation",
            "memory_mib": round(self.memory_mb),
            **({"cache": self.cache} if self.cache else {}),
            "doctor": self.findings,
        }


def spoken(seconds: float) -> str:
    """A length of time, as one would say it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def forecast(recipe: Recipe) -> Forecast:
    """Look at the manifests, build the network and take some steps on noise; no audio is read.

    Raises:
        ManifestError, RecipeError, TokenError: as `prepare` does.
    """
    sets = read_sets(recipe)
    train = [utterance for _, split, found in sets if split == "train" for utterance in found]
    tokens, spell = token_table(recipe, [utterance.text for utterance in train]), speller(recipe)
    model, extractor, _ = build_network(recipe, len(tokens))
    findings = check_texts(doctor.from_utterances(sets), recipe, tokens, spell)
    views = 2 if recipe.training.consistency else 1
    plan = plan_batches([utterance.duration for utterance in train], recipe.data.max_batch_seconds / views, seed=recipe.seed, epoch=0)
    middle = sorted(plan, key=lambda batch: max(train[index].duration for index in batch))[len(plan) // 2] * views
    batch = noise_batch([train[index] for index in middle], extractor, tokens, spell, views)
    objective = build_objective(recipe.training.objective, len(tokens), [tokens.encode(spell(utterance.text)) for utterance in train])
    task = make_task(model, tokens, recipe.training, len(plan) * recipe.training.max_epochs, objective)
    step_s, batch_mb = timed(task, batch, recipe)
    return Forecast(
        sum(utterance.duration for utterance in train) / 3600,
        -(-len(plan) // recipe.training.accumulate),
        recipe.training.max_epochs,
        (batch.features.shape[0], batch.features.shape[1], batch.features.shape[2]),
        task.output_shape(batch),
        step_s * recipe.training.accumulate,
        STATES * 4 * count_parameters(model) / 2**20 + batch_mb,
        findings,
        told_cache(recipe, [utterance for _, _, found in sets for utterance in found], extractor),
    )


def told_cache(recipe: Recipe, utterances: Sequence[Utterance], extractor: Extractor) -> str:
    """The room that the cache will take, beside what is there already."""
    if recipe.data.cache_kind == "none":
        return "none, each recording is decoded in every epoch"
    needed = plan_sounds(recipe.data, utterances, extractor).bytes_needed
    return f"{recipe.data.cache_kind} in {recipe.data.cache}, {f'about {spoken_bytes(needed)} more' if needed else 'which is there'}"


def noise_batch(
    utterances: Sequence[Utterance], extractor: Extractor, tokens: TokenTable, spell: Callable[[str], str], views: int
) -> Batch:
    """A batch of these utterances' lengths and tokens, with noise for features."""
    lengths = torch.tensor([extractor.num_frames(round(utterance.duration * extractor.sample_rate)) for utterance in utterances])
    frames = -(-max(1, int(lengths.max())) // PAD_FRAMES) * PAD_FRAMES
    targets = [tokens.encode(spell(utterance.text)) for utterance in utterances]
    return Batch(
        torch.randn(len(utterances), frames, extractor.num_features),
        lengths,
        torch.tensor([token for target in targets for token in target], dtype=torch.int64),
        torch.tensor([len(target) for target in targets]),
        [utterance.text for utterance in utterances],
        [utterance.id for utterance in utterances],
        sum(utterance.duration for utterance in utterances) / views,
        views,
    )


def timed(task: Task, batch: Batch, recipe: Recipe) -> tuple[float, float]:
    """Seconds of a step, and MiB that its forward pass keeps for the backward one."""
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    if recipe.training.threads:
        torch.set_num_threads(recipe.training.threads)
    optimizer = task.configure_optimizers()
    task.train()
    for trial in range(TRIALS + 1):
        if trial == 1:
            began = time.perf_counter()
        with (
            torch.autocast("cpu", torch.bfloat16, enabled=precision_here(recipe.training.precision) == "bf16-mixed"),
            torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
        ):
            loss = task.loss(batch)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    weights = {parameter.untyped_storage().data_ptr() for parameter in task.model.parameters()}
    megabytes = sum(size for pointer, size in kept.items() if pointer not in weights) / (TRIALS + 1) / 2**20
    return (time.perf_counter() - began) / TRIALS, megabytes

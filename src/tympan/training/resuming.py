"""Whether a run begins, goes on, or must not: told before anything is prepared."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tympan.errors import CheckpointError
from tympan.training.checkpoint import Checkpoint, load_checkpoint
from tympan.training.place import Place, why_over
from tympan.training.prepare import Prepared
from tympan.training.ranks import topology
from tympan.training.recipe import Recipe
from tympan.training.run import Display, Noting
from tympan.training.run_folder import RunFolder, read_json, since

# What makes no other training of it; "trainer." and "loggers" stand for all below them. The number of processes and
# training.accumulate may change together, see `batches_per_step`.
RESUMABLE = {
    "description",
    "data.workers",
    "data.cache",
    "training.accumulate",
    "training.threads",
    "training.checkpoint_minutes",
    "training.keep_best",
    "training.max_epochs",
    "training.patience",
    "loggers",
}


def begin_anew(folder: RunFolder, display: Noting) -> None:
    """Keep the run that is here beside it; what `--overfit` left is removed.

    Raises:
        CheckpointError: somebody trains here.
    """
    folder.check_free()
    if (folder.last.exists() or folder.run.exists()) and not folder.discard_test():
        display.note(f"the run that was here is kept as {folder.move_aside()}")


def decide(folder: RunFolder, recipe: Recipe, display: Display, *, resume: bool) -> Checkpoint | None:
    """The checkpoint to go on from; None to begin.

    Raises:
        CheckpointError: somebody trains here, the training is finished, or it was begun with another recipe.
        TrainingError: nothing can be written here.
    """
    folder.check_free()
    folder.make()
    if not folder.last.exists():
        return None
    checkpoint = load_checkpoint(folder.last)
    check_same(recipe, checkpoint, folder.path)
    over = why_over(Place.of(checkpoint.facts), recipe.training)
    if over and folder.known.get("state") == "finished" and not resume:
        raise CheckpointError(
            f"{folder.path} holds a finished training: {over}.",
            "--fresh begins anew and keeps this one beside it; --resume with a larger training.max_epochs goes on; "
            "--run names another folder.",
        )
    known = folder.known.get("steps")
    of = f" of {known:,}" if isinstance(known, int) else ""
    display.note(f"resuming run {folder.path.name} at step {checkpoint.facts['step']:,}{of}, {since(folder.last)} ago")
    return checkpoint


def batches_per_step(recipe: Recipe) -> int:
    """Batches of one optimiser step, of all processes together."""
    devices, nodes = topology(recipe.trainer)
    return devices * nodes * recipe.training.accumulate


def check_same(recipe: Recipe, checkpoint: Checkpoint, folder: Path) -> None:
    """CheckpointError if the recipe differs from the run's in anything that would make another training of it."""
    now, then = flatten(recipe.model_dump(mode="json")), flatten(with_defaults(checkpoint.facts["recipe"]))
    changed = [f"{key} was {then.get(key)!r}, is {now.get(key)!r}" for key in sorted(now.keys() | then.keys()) if differs(key, now, then)]
    before = checkpoint.facts.get("batches_per_step") or then.get("training.accumulate", 1)
    if before != batches_per_step(recipe):
        changed.append(f"a step took {before} batches (devices x num_nodes x training.accumulate), now {batches_per_step(recipe)}")
    if changed:
        raise CheckpointError(
            f"The run in {folder} was begun with another recipe: {'; '.join(changed[:5])}.",
            "Name another folder by --run, or begin anew by --fresh.",
        )


def differs(key: str, now: dict[str, Any], then: dict[str, Any]) -> bool:
    """Whether a key of the recipe makes another training of it."""
    return now.get(key) != then.get(key) and key not in RESUMABLE and not key.startswith("trainer.")


def with_defaults(recipe: dict[str, Any]) -> dict[str, Any]:
    """A recipe of an older version with the keys that came since, if it can be read at all."""
    try:
        return Recipe.model_validate(recipe).model_dump(mode="json")
    except ValidationError:
        return recipe


def flatten(data: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one with dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in data.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat


def data_hash(prepared: Prepared) -> str:
    """SHA-256 over ids and texts of all utterances that are used."""
    digest = hashlib.sha256()
    for utterance in (*prepared.train.utterances, *prepared.dev.utterances):
        digest.update(f"{utterance.id}\0{utterance.text}\n".encode())
    return digest.hexdigest()


def manifest_facts(recipe: Recipe) -> dict[str, dict[str, Any]]:
    """Path of each manifest -> its SHA-256 and its lines."""
    facts = {}
    for path in (*recipe.data.train, *recipe.data.dev):
        content = path.read_bytes()
        facts[str(path)] = {"sha256": hashlib.sha256(content).hexdigest(), "lines": sum(map(bool, map(bytes.strip, content.split(b"\n"))))}
    return facts


def what_changed(folder: RunFolder, recipe: Recipe) -> str:
    """Which manifests are not what they were when the run began, a phrase."""
    before = read_json(folder.run).get("manifests", {})
    phrases = []
    for path, facts in manifest_facts(recipe).items():
        then = before.get(path)
        if then and then["sha256"] != facts["sha256"]:
            lines = f"{then['lines']:,} lines then, {facts['lines']:,} now" if then["lines"] != facts["lines"] else "other lines, as many"
            phrases.append(f"{path}: {lines}")
    return "; ".join(phrases) or "the manifests are the same, but other recordings of them can be used"

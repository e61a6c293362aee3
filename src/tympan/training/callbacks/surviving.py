"""What a training gets over: recordings that vanish, steps that are not finite; and when it is too much."""

from __future__ import annotations

import json
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from tympan.data.cache.building import MAX_BAD_SHARE
from tympan.data.torch_batches import Batch
from tympan.errors import TrainingError
from tympan.files import atomic_path
from tympan.training.run import Run
from tympan.training.step import Taken
from tympan.training.tasks.task import Task

BAD_STEPS = 3  # one after the other: the weights themselves are spoiled, or the rate is too high
SAVED_BATCHES = 3
NAMED = 5


class Survivor(Callback):
    """Counts what was skipped and names it; stops where going on makes no sense.

    Args:
        run: whose place and folder are used.
    """

    def __init__(self, run: Run) -> None:
        self.run = run

    def on_train_batch_end(self, trainer: Trainer, module: LightningModule, outputs: Any, batch: object, batch_idx: int) -> None:
        assert isinstance(module, Task)
        taken: Taken = outputs["taken"]
        self.run.place.batch = taken.done
        if taken.skips:
            self.count_skipped(taken)
        if taken.finite:
            self.run.place.bad_steps = 0
        else:
            self.count_bad(module, taken)

    def count_skipped(self, taken: Taken) -> None:
        """Name the utterances that were skipped for the first time; TrainingError if they have become too many."""
        run = self.run
        for found in run.ranks.gather(taken.skipped):
            for name, reason in found.items():
                if name not in run.place.skipped:
                    run.display.note(f"left out: {name}: {reason}")
                run.place.skipped[name] = reason
        count, whole = len(run.place.skipped), len(run.train.utterances)
        if count > MAX_BAD_SHARE * whole:
            named = "; ".join(f"{name}: {reason}" for name, reason in list(run.place.skipped.items())[:NAMED])
            raise TrainingError(
                f"{count} of {whole} utterances could not be used on the way, more than {MAX_BAD_SHARE:.0%}: {named}.", run.folder.advice()
            )

    def count_bad(self, module: Task, taken: Taken) -> None:
        """Name the batches of a step that was not finite; TrainingError if it was one too many."""
        run, step = self.run, module.optimizer_steps
        run.place.bad_steps += 1
        ids = [name for names in run.ranks.gather([name for batch in taken.own for name in batch.ids]) for name in names]
        what = f"loss {taken.loss:.4g}, length of the gradient {taken.gradient_norm:.4g}"
        more = f" and {len(ids) - NAMED} more" if len(ids) > NAMED else ""
        run.display.note(f"not finite after step {step:,}, so the weights stay: {what}; of {', '.join(ids[:NAMED])}{more}")
        self.save_bad(taken, step, ids)
        if run.place.bad_steps == BAD_STEPS:
            raise TrainingError(
                f"{BAD_STEPS} steps one after the other were not finite ({what}), the last on {', '.join(ids[:NAMED])}{more}.",
                f"Lower training.learning_rate, or look at the batches in {run.folder.path}/bad. {run.folder.advice()}",
            )

    def save_bad(self, taken: Taken, step: int, ids: list[str]) -> None:
        """The tensors of a step's batches as safetensors, and all their ids as a line of bad/steps.jsonl."""
        from safetensors import SafetensorError
        from safetensors.torch import save_file

        folder, rank = self.run.folder.path / "bad", self.run.ranks.rank
        name = f"epoch-{self.run.place.epoch + 1:04d}-batch-{taken.done:06d}-rank-{rank}.safetensors"
        try:
            folder.mkdir(exist_ok=True)
            if self.run.first:
                row = {"step": step, "loss": str(taken.loss), "gradient_norm": str(taken.gradient_norm), "ids": ids}
                with open(folder / "steps.jsonl", "a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")
            if len(list(folder.glob(f"*-rank-{rank}.safetensors"))) < SAVED_BATCHES:
                with atomic_path(folder / name) as temporary:
                    save_file(tensors_of(taken.own), temporary, metadata={"ids": json.dumps([batch.ids for batch in taken.own])})
        except (OSError, SafetensorError) as error:
            self.run.display.note(f"the batch could not be saved ({error})")


def tensors_of(batches: list[Batch]) -> dict[str, Any]:
    """The tensors of batches by name."""
    parts = ("features", "lengths", "tokens", "token_lengths")
    return {f"{number}/{part}": getattr(batch, part).cpu().contiguous() for number, batch in enumerate(batches) for part in parts}

"""At the end: the mean of the best epochs' weights, which is often better than the best of them."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from tympan.errors import TrainingError
from tympan.training.average import WeightAverage
from tympan.training.callbacks.keeping import epoch_name
from tympan.training.callbacks.validating import validate
from tympan.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from tympan.training.place import ranked
from tympan.training.run import Run
from tympan.training.tasks.task import Task


class Averager(Callback):
    """Writes average.safetensors, with its own validation as the last row of its history. The network has these weights afterwards.

    Args:
        run: whose `keep_best` epochs are averaged.
    """

    def __init__(self, run: Run) -> None:
        self.run = run

    def on_fit_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Also where all epochs were done already: the training may have been killed just before this."""
        assert isinstance(module, Task)
        run = self.run
        recipe = run.recipe.training
        if recipe.keep_best == 1 or not run.over():
            return
        best = ranked(run.place.history, recipe.best_by)[: recipe.keep_best]
        run.ranks.gather(None)  # the first process has written them all
        paths = [run.folder.path / f"{epoch_name(row)}.safetensors" for row in best]
        if len(best) < 2 or not run.ranks.of_first(all(path.exists() for path in paths)):
            return
        weights = mean_weights(load_checkpoint(path).weights for path in paths)
        module.model.load_state_dict(weights)
        module.average = WeightAverage(module.model, 0.0)
        validation = validate(run, module, run.dev)
        row = {"epoch": best[0]["epoch"], **validation.row(), "averaged": len(best)}
        run.display.note(
            f"average of the {len(best)} best epochs: {validation.measure} {validation.wer:.2%}; the best alone: {best[0]['wer']:.2%}"
        )
        if run.first:
            place = {**run.place.facts(), "history": [*run.place.history, row]}
            facts = {**run.facts, **place, "step": module.optimizer_steps, "average_steps": 0}
            try:
                save_checkpoint(run.folder.average, Checkpoint(weights, {}, {}, torch.get_rng_state(), facts))
            except TrainingError as error:
                run.display.note(f"{error} The best epoch stands.")


def mean_weights(checkpoints: Iterable[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """The mean of each tensor over the checkpoints, summed in float64; counters (integers) are the first one's."""
    sums: dict[str, torch.Tensor] = {}
    kinds: dict[str, torch.dtype] = {}
    count = 0
    for weights in checkpoints:
        count += 1
        for name, tensor in weights.items():
            if count == 1:
                kinds[name], sums[name] = tensor.dtype, tensor.double() if tensor.is_floating_point() else tensor
            elif tensor.is_floating_point():
                sums[name] = sums[name] + tensor
    return {name: (tensor / count).to(kinds[name]) if tensor.is_floating_point() else tensor for name, tensor in sums.items()}

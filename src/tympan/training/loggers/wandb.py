"""Weights & Biases. Offline, all stays in the run's folder until `wandb sync` sends it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tympan.training.loggers.sink import Pairs
from tympan.training.recipe import LoggerRecipe
from tympan.training.run_folder import RunFolder

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class WeightsAndBiases:
    """One run there. Steps are a value of their own: the service's counter refuses to go back, as a resumed training does."""

    name = "wandb"

    def __init__(self, run: Any) -> None:
        self.run = run
        run.define_metric("step")
        run.define_metric("*", step_metric="step")

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        self.run.log({"step": step, **values})

    def transcripts(self, step: int, pairs: Pairs) -> None:
        import wandb

        table = wandb.Table(columns=["said", "heard"], data=[list(pair) for pair in pairs])
        self.run.log({"step": step, "transcripts": table})

    def figure(self, step: int, name: str, figure: Figure) -> None:
        import wandb

        self.run.log({"step": step, name: wandb.Image(figure)})

    def close(self) -> None:
        self.run.finish()


def open_wandb(recipe: LoggerRecipe, folder: RunFolder, name: str, config: dict[str, Any], step: int) -> WeightsAndBiases:
    """The logger of a run; a resumed one goes on with the service's run of before."""
    import wandb

    mode = "offline" if recipe.offline else None
    known = folder.known.get("wandb") if step else None
    run = wandb.init(
        project=recipe.project, name=name, config=config, dir=str(folder.path), id=known, resume="allow" if known else None, mode=mode
    )
    folder.tell(wandb=run.id)
    return WeightsAndBiases(run)

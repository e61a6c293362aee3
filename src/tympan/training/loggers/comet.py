"""Comet. Offline, all goes to an archive in the run's folder when the training ends, for `comet upload`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tympan.training.loggers.sink import Pairs
from tympan.training.recipe import LoggerRecipe
from tympan.training.run_folder import RunFolder

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Comet:
    """One experiment."""

    name = "comet"

    def __init__(self, experiment: Any) -> None:
        self.experiment = experiment

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        self.experiment.log_metrics(dict(values), step=step)

    def transcripts(self, step: int, pairs: Pairs) -> None:
        self.experiment.log_table(f"transcripts-{step:07d}.csv", [list(pair) for pair in pairs], headers=["said", "heard"])

    def figure(self, step: int, name: str, figure: Figure) -> None:
        self.experiment.log_figure(name, figure, step=step)

    def close(self) -> None:
        self.experiment.end()


def open_comet(recipe: LoggerRecipe, folder: RunFolder, name: str, config: dict[str, Any], step: int) -> Comet:
    """The logger of a run; a resumed one goes on with the service's experiment of before."""
    import comet_ml

    # Only what this file sends, nothing that the package would gather by itself.
    quiet = {"log_code": False, "log_graph": False, "parse_args": False, "auto_output_logging": False}
    settings = comet_ml.ExperimentConfig(name=name, offline_directory=str(folder.path / "comet"), **quiet)
    known = folder.known.get("comet") if step else None
    experiment = comet_ml.start(project_name=recipe.project, experiment_key=known, online=not recipe.offline, experiment_config=settings)
    experiment.log_parameters(config)
    folder.tell(comet=experiment.get_key())
    return Comet(experiment)

"""MLflow. Offline, all goes to files in the run's folder: MLFLOW_ALLOW_FILE_STORE=true mlflow ui --backend-store-uri runs/NAME/mlflow"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tympan.training.loggers.sink import Pairs, markdown
from tympan.training.recipe import LoggerRecipe
from tympan.training.run_folder import RunFolder

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class MLflow:
    """One run of an experiment."""

    name = "mlflow"

    def __init__(self, client: Any, run_id: str) -> None:
        self.client, self.run_id = client, run_id

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        from mlflow.entities import Metric

        now = int(1000 * time.time())
        self.client.log_batch(self.run_id, metrics=[Metric(name, value, now, step) for name, value in values.items()])

    def transcripts(self, step: int, pairs: Pairs) -> None:
        self.client.log_text(self.run_id, markdown(pairs), f"transcripts/{step:07d}.md")

    def figure(self, step: int, name: str, figure: Figure) -> None:
        self.client.log_figure(self.run_id, figure, f"{name}/{step:07d}.png")

    def close(self) -> None:
        self.client.set_terminated(self.run_id)


def open_mlflow(recipe: LoggerRecipe, folder: RunFolder, name: str, config: dict[str, Any], step: int) -> MLflow:
    """The logger of a run; a resumed one goes on with the store's run of before."""
    from mlflow import MlflowClient

    if recipe.offline:
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")  # mlflow 3 asks for it; its database would need the whole of mlflow
    client = MlflowClient((folder.path / "mlflow").resolve().as_uri()) if recipe.offline else MlflowClient()
    known = folder.known.get("mlflow") if step else None
    if known is None:
        experiment = client.get_experiment_by_name(recipe.project)
        experiment_id = experiment.experiment_id if experiment is not None else client.create_experiment(recipe.project)
        known = client.create_run(experiment_id, run_name=name).info.run_id
        client.log_dict(known, config, "recipe.yaml")
    folder.tell(mlflow=known)
    return MLflow(client, known)

"""TensorBoard: files in the run's folder, read by `tensorboard --logdir runs`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tympan.training.loggers.sink import Pairs, markdown
from tympan.training.recipe import LoggerRecipe
from tympan.training.run_folder import RunFolder

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class TensorBoard:
    """Writes event files to `folder`; what stands there from `step` on is hidden, as it is written again."""

    name = "tensorboard"

    def __init__(self, folder: Path, step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.writer = SummaryWriter(str(folder), purge_step=step + 1 if step else None)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self.writer.add_scalar(name, value, step)

    def transcripts(self, step: int, pairs: Pairs) -> None:
        self.writer.add_text("transcripts", markdown(pairs), step)

    def figure(self, step: int, name: str, figure: Figure) -> None:
        self.writer.add_figure(name, figure, step, close=False)

    def close(self) -> None:
        self.writer.close()


def open_tensorboard(recipe: LoggerRecipe, folder: RunFolder, name: str, config: dict[str, Any], step: int) -> TensorBoard:
    """The logger of a run."""
    return TensorBoard(folder.path / "tensorboard", step)

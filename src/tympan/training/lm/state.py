"""A training of a language model under way: its steps, its validation, and what a checkpoint keeps of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

from tympan import __version__
from tympan.errors import CheckpointError, TrainingError
from tympan.lm.neural import perplexity_of
from tympan.models.language import LSTMLanguageModel
from tympan.tokens import TokenTable
from tympan.training.checkpoint import Checkpoint, save_checkpoint
from tympan.training.lm.recipe import LMRecipe
from tympan.training.lm.sentences import Sentences, batches
from tympan.training.run_folder import RunFolder
from tympan.training.schedule import SCHEDULES

LOG_STEPS = 50  # between two lines of the log


class Told(Protocol):
    """Who is told how it goes."""

    def note(self, text: str) -> None: ...

    def progress(self, phase: str, done: int, total: int) -> None: ...


@dataclass
class Training:
    """A training under way.

    Attributes:
        recipe, folder, table, told: of the run.
        train, dev: sentences.
        model, optimizer: their state is that after `step` steps.
        device: where the network lives.
        epoch, batch: done; `batch` of the present epoch.
        history: of the validations.
        losses: since the last line of the log.
    """

    recipe: LMRecipe
    folder: RunFolder
    table: TokenTable
    told: Told
    train: Sentences
    dev: Sentences
    model: LSTMLanguageModel
    optimizer: torch.optim.Optimizer
    device: torch.device
    step: int = 0
    epoch: int = 0
    batch: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.plan = batches(self.train, self.recipe.training.batch_tokens, self.recipe.seed)
        window = self.recipe.training.window
        self.epoch_steps = sum(math.ceil(int(self.train.lengths[chosen].max()) / window) for chosen in self.plan)

    @property
    def steps(self) -> int:
        """Of the whole training."""
        return self.epoch_steps * self.recipe.training.max_epochs

    def rate(self) -> float:
        """The learning rate of the next step."""
        training = self.recipe.training
        return training.learning_rate * SCHEDULES[training.schedule](self.step, self.steps, training.warmup_share)

    def learn(self, chosen: npt.NDArray[np.int64]) -> None:
        """A step for each window of a batch; the state goes on from window to window, the gradient does not (truncated BPTT)."""
        rows, lengths = self.train.batch(chosen)
        tokens, ends = torch.from_numpy(rows).to(self.device), torch.from_numpy(lengths).to(self.device)
        states = self.model.start(len(rows))
        window = self.recipe.training.window
        for first in range(0, rows.shape[1] - 1, window):
            last = min(first + window, rows.shape[1] - 1)
            log_probs, states = self.model(tokens[:, first:last], states.detach())
            loss = loss_of(log_probs, tokens[:, first + 1 : last + 1], first, ends)
            self.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.training.gradient_clip)
            if not bool(torch.isfinite(norm)):
                raise TrainingError(f"The loss is no number at step {self.step:,}.", "Lower training.learning_rate.")
            for group in self.optimizer.param_groups:
                group["lr"] = self.rate()
            self.optimizer.step()
            self.step += 1
            self.losses.append(float(loss.detach()))
            if self.step % LOG_STEPS == 0:
                self.log({"train/loss": sum(self.losses) / len(self.losses), "train/rate": self.rate()})
                self.losses = []

    def log(self, row: dict[str, float]) -> None:
        try:
            self.folder.log({"step": self.step, "epoch": self.epoch, **row})
        except OSError as error:
            raise TrainingError(f"{self.folder.metrics} cannot be written ({error.strerror}).", self.folder.advice()) from None

    def validate(self) -> dict[str, float]:
        """Perplexity on the dev sentences."""
        self.model.eval()
        total = 0.0
        with torch.no_grad():
            for chosen in batches(self.dev, self.recipe.training.batch_tokens, 0):
                rows, lengths = self.dev.batch(chosen)
                tokens, ends = torch.from_numpy(rows).to(self.device), torch.from_numpy(lengths).to(self.device)
                log_probs, _ = self.model(tokens[:, :-1], self.model.start(len(rows)))
                total += float(loss_of(log_probs, tokens[:, 1:], 0, ends)) * int(lengths.sum())
        self.model.train()
        found = perplexity_of(-total, len(self.dev.tokens), self.dev.words, len(self.dev))
        return {"perplexity": found.token, "word_perplexity": found.word}

    def save(self, path: Path) -> None:
        """Everything that the training depends on."""
        names: dict[torch.Tensor, str] = {parameter: name for name, parameter in self.model.named_parameters()}
        states = {
            (names[parameter], key): value
            for parameter, state in self.optimizer.state.items()
            for key, value in state.items()
            if isinstance(value, torch.Tensor)
        }
        facts = {
            "recipe": self.recipe.model_dump(mode="json"),
            "tokens": self.table.to_dict(),
            "model": self.recipe.model.model_dump(),
            "features": {},
            "hours": 0.0,
            "dev_hours": 0.0,
            "version": __version__,
            "data_sha256": self.train.sha256,
            "epoch": self.epoch,
            "batch": self.batch,
            "history": self.history,
            "losses": self.losses,
            "step": self.step,
            "average_steps": 0,
        }
        more = {"0/cuda": torch.cuda.get_rng_state(self.device)} if self.device.type == "cuda" else {}
        save_checkpoint(path, Checkpoint(self.model.state_dict(), {}, states, torch.get_rng_state(), facts, more_random=more))

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go back to a checkpoint."""
        facts = checkpoint.facts
        try:
            self.model.load_state_dict(checkpoint.model)
        except RuntimeError:
            raise CheckpointError("The checkpoint's weights do not fit the recipe's network.", "Begin anew by --fresh.") from None
        for name, parameter in self.model.named_parameters():
            states = {key: value.clone() for (owner, key), value in checkpoint.optimizer.items() if owner == name}
            self.optimizer.state[parameter] = {key: v.to(self.device) if v.ndim else v for key, v in states.items()}
        torch.set_rng_state(checkpoint.random)
        if self.device.type == "cuda" and "0/cuda" in checkpoint.more_random:
            torch.cuda.set_rng_state(checkpoint.more_random["0/cuda"], self.device)
        self.step, self.epoch, self.batch = facts["step"], facts["epoch"], facts["batch"]
        self.history, self.losses = list(facts["history"]), list(facts["losses"])

    def over(self) -> str:
        """Why the training is over; empty if it is not."""
        if self.epoch >= self.recipe.training.max_epochs:
            return f"{self.epoch} epochs"
        found = [row["perplexity"] for row in self.history]
        waited = len(found) - 1 - found.index(min(found)) if found else 0
        return f"no lower perplexity in {waited} epochs" if 0 < self.recipe.training.patience <= waited else ""


def loss_of(log_probs: torch.Tensor, targets: torch.Tensor, first: int, ends: torch.Tensor) -> torch.Tensor:
    """Mean negative log-probability of (B, L) targets that stand at `first` and after; those beyond a sentence's end do not count."""
    found = log_probs.gather(2, targets[:, :, None])[:, :, 0]  # (B, L)
    valid = torch.arange(first, first + targets.shape[1], device=ends.device) < ends[:, None]
    return -(found * valid).sum() / valid.sum().clamp(min=1)

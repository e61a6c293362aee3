"""`train`: texts become a run's folder with checkpoints, curves and the best weights. A small loop: one process, one device."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from tympan import __version__
from tympan.errors import CheckpointError, TrainingError
from tympan.lm.case import Case
from tympan.lm.neural import perplexity_of
from tympan.locks import FileLock
from tympan.models.language import LSTMLanguageModel
from tympan.tokens import TokenTable
from tympan.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from tympan.training.lm.export import build
from tympan.training.lm.recipe import LMRecipe
from tympan.training.lm.sentences import Sentences, batches, encode, epoch_order, read_lines, split
from tympan.training.resuming import begin_anew, flatten
from tympan.training.run_folder import LOCK, RunFolder, since
from tympan.training.schedule import SCHEDULES
from tympan.training.watch import this_process

LOG_STEPS = 50  # between two lines of the log
# What makes no other training of it.
RESUMABLE = {"training.max_epochs", "training.patience", "training.checkpoint_minutes", "training.threads", "training.accelerator"}


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
        epoch, batch: done; `batch` of the present epoch.
        history: of the validations.
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

    def learn(self, chosen: np.ndarray[Any, np.dtype[np.int64]]) -> None:
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


def train(
    recipe: LMRecipe,
    folder: Path,
    told: Told,
    *,
    resume: bool = False,
    fresh: bool = False,
    on_batch: Callable[[Training], None] = lambda training: None,
) -> Path:
    """Train, or go on with a training, and return the path of the best checkpoint.

    Args:
        recipe: what to do.
        folder: of the run; a training that is in it and not finished goes on.
        told: how it goes.
        resume: go on also with a finished one, if the recipe has more epochs by now.
        fresh: begin anew; a run that is in `folder` is kept beside it.
        on_batch: called after each batch.

    Raises:
        TrainingError: the training ran, and cannot go on.
        TympanError: anything in recipe, texts or checkpoint that prevents the training.
    """
    run = RunFolder(folder)
    if fresh:
        begin_anew(run, told)  # type: ignore[arg-type]
    run.check_free()
    run.make()
    checkpoint = load_checkpoint(run.last) if run.last.exists() else None
    if checkpoint is not None:
        check_same(recipe, checkpoint, folder)
    lock = FileLock(folder / LOCK)
    lock.acquire(this_process(), wait=True)
    try:
        training = prepare(recipe, run, told)
        if checkpoint is not None:
            go_on(training, checkpoint, resume=resume)
        describe(training, resumed=checkpoint is not None)
        fit(training, on_batch)
        run.tell(state="finished", reason=training.over())
    except BaseException as error:
        run.tell(state="stopped", reason=str(error) or type(error).__name__)
        raise
    finally:
        lock.release()
    return run.best


def fit(training: Training, on_batch: Callable[[Training], None]) -> None:
    """Epoch after epoch."""
    settings, folder = training.recipe.training, training.folder
    saved = began = time.monotonic()
    spent = float(folder.known.get("seconds", 0.0)) if training.step else 0.0
    training.model.train()
    while not training.over():
        order = epoch_order(len(training.plan), training.recipe.seed, training.epoch)
        title = f"epoch {training.epoch + 1}/{settings.max_epochs}"
        while training.batch < len(order):
            training.learn(training.plan[order[training.batch]])
            training.batch += 1
            recent = training.losses[-LOG_STEPS:]
            told = f"{title}  loss {sum(recent) / len(recent):.4f}" if recent else title
            training.told.progress(told, training.batch, len(order))
            if time.monotonic() - saved > 60 * settings.checkpoint_minutes:
                training.save(folder.last)
                saved = time.monotonic()
            on_batch(training)
        found = training.validate()
        lowest = all(found["perplexity"] < row["perplexity"] for row in training.history)
        training.log({f"dev/{name}": value for name, value in found.items()})
        training.epoch, training.batch = training.epoch + 1, 0
        training.history.append({"epoch": float(training.epoch), **found})
        if lowest:
            training.save(folder.best)
        training.save(folder.last)
        saved = time.monotonic()
        seconds = round(spent + saved - began, 1)
        folder.tell(state="running", epoch=training.epoch, step=training.step, steps=training.steps, seconds=seconds)
        rates = f"perplexity {found['perplexity']:.3f} a token, {found['word_perplexity']:.1f} a word"
        training.told.note(f"{title}  {rates}{'  lowest so far' if lowest else ''}  {seconds:.0f} s")


def prepare(recipe: LMRecipe, run: RunFolder, told: Told) -> Training:
    """Texts, tokens and a fresh network."""
    if recipe.training.threads:
        torch.set_num_threads(recipe.training.threads)
    table = read_table(recipe.data.tokens) if recipe.data.tokens is not None else None
    case = Case.of_table(table) if table is not None else Case.MIXED
    lines = read_lines(recipe.data.train, case, told.progress)
    if recipe.data.dev:
        dev_lines = read_lines(recipe.data.dev, case, told.progress)
    else:
        lines, dev_lines = split(lines)
        told.note(f"the last {len(dev_lines):,} sentences are held out")
    table = table or TokenTable.from_texts([*lines, " "])
    train_part, dev_part = encode(lines, table), encode(dev_lines, table)
    for part in (train_part, dev_part):
        if part.left_out:
            told.note(f"{part.left_out:,} sentences cannot be spelled and are left out, the first: {part.examples[0]}")
    torch.manual_seed(recipe.seed)
    device = choose_device(recipe.training.accelerator)
    model = build(recipe.model.model_dump(), len(table)).to(device)
    settings = recipe.training
    groups = [
        {"params": [p for p in model.parameters() if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in model.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=settings.learning_rate, betas=settings.betas)
    return Training(recipe, run, table, told, train_part, dev_part, model, optimizer, device)


def read_table(path: Path) -> TokenTable:
    """A token table, or that of a bundle; TrainingError for phones, which spell no text."""
    from tympan.bundle import Bundle

    table = Bundle.open(path).tokens if path.suffix == ".tympan" else TokenTable.read(path)
    if table.kind == "phones":
        raise TrainingError(f"The tokens of {path} are phones, which spell no text.", "Take word pieces: `tympan tokens train`.")
    return table


def choose_device(accelerator: str) -> torch.device:
    """Where the network lives."""
    there = torch.cuda.is_available()
    if accelerator == "gpu" and not there:
        raise TrainingError("training.accelerator is gpu, and there is none that torch can use.", "Take auto or cpu.")
    return torch.device("cuda" if there and accelerator != "cpu" else "cpu")


def loss_of(log_probs: torch.Tensor, targets: torch.Tensor, first: int, ends: torch.Tensor) -> torch.Tensor:
    """Mean negative log-probability of (B, L) targets that stand at `first` and after; those beyond a sentence's end do not count."""
    found = log_probs.gather(2, targets[:, :, None])[:, :, 0]  # (B, L)
    valid = torch.arange(first, first + targets.shape[1], device=ends.device) < ends[:, None]
    return -(found * valid).sum() / valid.sum().clamp(min=1)


def go_on(training: Training, checkpoint: Checkpoint, *, resume: bool) -> None:
    """Take the checkpoint's state; CheckpointError if the texts are other ones, or there is nothing left to do."""
    if checkpoint.facts["tokens"].get("hash") != training.table.hash or checkpoint.facts["data_sha256"] != training.train.sha256:
        raise CheckpointError(
            f"The texts or tokens of the run in {training.folder.path} were other ones.", "Name another folder by --run, or --fresh."
        )
    training.restore(checkpoint)
    over = training.over()
    if over and not resume:
        raise CheckpointError(
            f"{training.folder.path} holds a finished training: {over}.",
            "--fresh begins anew; --resume with a larger training.max_epochs goes on; --run names another folder.",
        )
    training.folder.trim_log(training.step, training.epoch)
    training.told.note(f"resuming run {training.folder.path.name} at step {training.step:,}, {since(training.folder.last)} ago")


def check_same(recipe: LMRecipe, checkpoint: Checkpoint, folder: Path) -> None:
    """CheckpointError if the recipe differs from the run's in anything that would make another training of it."""
    now, then = flatten(recipe.model_dump(mode="json")), flatten(checkpoint.facts["recipe"])
    keys = sorted(key for key in now.keys() | then.keys() if now.get(key) != then.get(key) and key not in RESUMABLE)
    if keys:
        changed = "; ".join(f"{key} was {then.get(key)!r}, is {now.get(key)!r}" for key in keys[:5])
        raise CheckpointError(
            f"The run in {folder} was begun with another recipe: {changed}.", "Name another folder by --run, or begin anew by --fresh."
        )


def describe(training: Training, *, resumed: bool) -> None:
    """Let the run's folder say what it is."""
    facts = {
        "data_sha256": training.train.sha256,
        "sentences": {"train": len(training.train), "dev": len(training.dev)},
        "tokens": {"train": len(training.train.tokens), "dev": len(training.dev.tokens)},
        "left_out": {"train": training.train.left_out, "dev": training.dev.left_out},
    }
    training.folder.clean()
    training.folder.describe(training.recipe.model_dump(mode="json"), facts, resumed=resumed)
    training.folder.tell(state="running", steps=training.steps, epochs=training.recipe.training.max_epochs, epoch=training.epoch)

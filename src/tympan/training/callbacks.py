"""What happens around the steps of a training: keeping its place, saving, validating, telling."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, Protocol

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from tympan.data.torch_batches import Batch, SpeechData
from tympan.training.checkpoint import Checkpoint, save_checkpoint
from tympan.training.state import capture, restore
from tympan.training.tasks.ctc import CTCTask, Validation

LOG_EVERY = 10  # optimiser steps


class Display(Protocol):
    """Where a training tells how it goes."""

    def note(self, text: str) -> None: ...

    def start(self, epoch: int, epochs: int, batches: int, done: int) -> None: ...

    def step(self, loss: float, seconds_per_second: float, rate: float, batch: int) -> None: ...

    def validated(self, epoch: int, validation: Validation, seconds: float) -> None: ...


class Keeper(Callback):
    """Keeps the place in the data, saves checkpoints, validates after each epoch and logs.

    Args:
        folder: the run's.
        train, dev: the data.
        workers: processes for batches.
        facts: plain data for every checkpoint (recipe, tokens, network).
        minutes: longest time between two checkpoints.
        display: told about progress.
        resume: the state to go on from.
    """

    def __init__(
        self,
        folder: Path,
        train: SpeechData,
        dev: SpeechData,
        workers: int,
        facts: dict[str, Any],
        minutes: float,
        display: Display,
        resume: Checkpoint | None = None,
    ) -> None:
        self.folder, self.train, self.dev, self.workers = folder, train, dev, workers
        self.facts, self.seconds, self.display, self.resume = facts, minutes * 60, display, resume
        self.epoch = resume.facts["epoch"] if resume else 0
        self.batch = resume.facts["batch"] if resume else 0
        self.history: list[dict[str, float]] = list(resume.facts["history"]) if resume else []
        self.random = resume.random if resume else None
        self.losses: list[float] = list(resume.facts.get("losses", [])) if resume else []  # since the last line of the log
        train.epoch, train.start = self.epoch, self.batch

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        assert isinstance(module, CTCTask)
        if self.resume is not None:
            restore(module, trainer.optimizers[0], self.resume)
            self.resume = None
        self.trim_metrics(module.optimizer_steps)
        self.saved = self.clock = time.monotonic()
        self.audio_seconds = 0.0  # since the last line of the log, or the resume

    def on_train_epoch_start(self, trainer: Trainer, module: LightningModule) -> None:
        self.display.start(self.epoch, trainer.max_epochs or 0, len(self.train.plan(self.epoch)), self.batch)
        self.began = time.monotonic()

    def on_train_batch_start(self, trainer: Trainer, module: LightningModule, batch: Batch, batch_idx: int) -> None:
        if self.random is not None:
            torch.set_rng_state(self.random)
            self.random = None

    def on_train_batch_end(self, trainer: Trainer, module: LightningModule, outputs: Any, batch: Batch, batch_idx: int) -> None:
        assert isinstance(module, CTCTask)
        self.batch += 1
        self.audio_seconds += batch.seconds
        for reason in batch.skipped.values():
            self.display.note(f"left out: {reason}")
        self.losses.append(float(outputs["loss"]) * trainer.accumulate_grad_batches)
        if self.batch % trainer.accumulate_grad_batches == 0:
            if module.optimizer_steps % LOG_EVERY == 0:
                self.log_step(module)
            if time.monotonic() - self.saved > self.seconds:
                self.save(trainer, module, "last")

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        assert isinstance(module, CTCTask)
        began = time.monotonic()
        validation = module.validate(self.dev.loader(min(1, self.workers)))
        best = min((row["wer"], row["cer"]) for row in self.history) if self.history else (float("inf"), float("inf"))
        row = {"wer": validation.wer, "cer": validation.cer, "loss": validation.loss, "blank_share": validation.blank_share}
        self.history.append({"epoch": self.epoch + 1, **row})
        module.errors = [row["wer"] for row in self.history]
        self.log_metrics(module, {f"dev/{name}": value for name, value in row.items()})
        self.epoch, self.batch = self.epoch + 1, 0
        self.train.epoch, self.train.start = self.epoch, 0
        if (validation.wer, validation.cer) < best:
            self.save(trainer, module, "best")
        self.save(trainer, module, "last")
        self.display.validated(self.epoch, validation, began - self.began)
        self.clock = time.monotonic()

    def save(self, trainer: Trainer, module: CTCTask, name: str) -> None:
        """Write NAME.safetensors."""
        place = {"epoch": self.epoch, "batch": self.batch, "history": self.history, "losses": self.losses}
        save_checkpoint(self.folder / f"{name}.safetensors", capture(module, trainer.optimizers[0], {**self.facts, **place}))
        self.saved = time.monotonic()

    def log_step(self, module: CTCTask) -> None:
        now = time.monotonic()
        speed = self.audio_seconds / max(1e-9, now - self.clock)
        loss = sum(self.losses) / len(self.losses)
        self.display.step(loss, speed, module.learning_rate(), self.batch)
        metrics = {
            "loss": loss,
            "learning_rate": module.learning_rate(),
            "audio_seconds_per_second": speed,
            "gradient_norm": module.gradient_norm,
        }
        self.log_metrics(module, {f"train/{name}": value for name, value in metrics.items()})
        self.clock, self.audio_seconds, self.losses = now, 0.0, []

    def log_metrics(self, module: CTCTask, metrics: dict[str, float]) -> None:
        """To every logger, and as a line of metrics.jsonl."""
        for logger in module.loggers:
            logger.log_metrics(metrics, step=module.optimizer_steps)
        with open(self.folder / "metrics.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps({"step": module.optimizer_steps, "epoch": self.epoch, **metrics}) + "\n")

    def trim_metrics(self, step: int) -> None:
        """Drop the lines that a killed run wrote after its last checkpoint; they are written again."""
        path = self.folder / "metrics.jsonl"
        if path.exists():
            lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.endswith("}")]
            kept = [line for line in lines if json.loads(line)["step"] <= step]
            path.write_text("".join(line + "\n" for line in kept), encoding="utf-8")

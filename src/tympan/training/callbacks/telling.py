"""How a training goes: to the display, to metrics.jsonl and to the loggers of the recipe."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from tympan.training import memory
from tympan.training.blanks import describe_blanks
from tympan.training.callbacks.validating import Validator
from tympan.training.loggers import Sink
from tympan.training.place import ranked
from tympan.training.run import Report, Run
from tympan.training.step import Taken
from tympan.training.tasks.task import Task
from tympan.training.validation import Validation

LOG_EVERY = 10  # optimiser steps
PICTURE_S = 60.0  # between two pictures: they cost half a second each


class Teller(Callback):
    """Tells every `LOG_EVERY` steps and after each validation. Nothing that it writes is needed, so a full disc ends nothing here.

    Args:
        run: that is told of.
        validator: who validated.
        sinks: the loggers; none in processes other than the first.
    """

    def __init__(self, run: Run, validator: Validator, sinks: list[Sink]) -> None:
        self.run, self.validator, self.sinks = run, validator, sinks
        self.seconds = float(run.folder.known.get("seconds", 0.0))  # of training before this process
        self.began = self.updated = time.monotonic()
        self.pictured = -PICTURE_S
        self.log_fails = self.told_of_plots = False

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        self.began = self.updated = self.ready = self.clock = time.monotonic()
        self.audio_seconds = self.waited = 0.0  # since the last report, or the resume
        self.tell_state(state="running", reason="")

    def on_train_epoch_start(self, trainer: Trainer, module: LightningModule) -> None:
        batches = len(self.run.train.plan(self.run.place.epoch))
        self.run.display.start(self.run.place.epoch, self.run.recipe.training.max_epochs, batches, self.run.place.batch)

    def on_train_batch_start(self, trainer: Trainer, module: LightningModule, batch: object, batch_idx: int) -> None:
        assert isinstance(module, Task)
        self.waited += time.monotonic() - self.ready
        module.watched = (module.optimizer_steps + 1) % LOG_EVERY == 0

    def on_train_batch_end(self, trainer: Trainer, module: LightningModule, outputs: Any, batch: object, batch_idx: int) -> None:
        assert isinstance(module, Task)
        taken: Taken = outputs["taken"]
        self.audio_seconds += taken.seconds
        if taken.finite:
            self.run.place.losses.append(taken.loss)
            if module.optimizer_steps % LOG_EVERY == 0:
                self.report(module, taken)
        self.ready = time.monotonic()

    def report(self, module: Task, taken: Taken) -> None:
        """Tell how the last steps went."""
        now, losses = time.monotonic(), self.run.place.losses
        passed = max(1e-9, now - self.clock)
        report = Report(
            step=module.optimizer_steps,
            batch=self.run.place.batch,
            loss=sum(losses) / len(losses),
            learning_rate=module.learning_rate(),
            gradient_norm=taken.gradient_norm,
            audio_seconds_per_second=self.audio_seconds / passed,
            waiting_share=min(1.0, self.waited / passed),
            memory_bytes=memory.peak_bytes(module.device),
            blank_share=float(module.blank_share),
        )
        self.run.display.step(report)
        names = ("loss", "learning_rate", "gradient_norm", "audio_seconds_per_second", "waiting_share", "memory_bytes", "blank_share")
        self.write(report.step, {f"train/{name}": float(getattr(report, name)) for name in names}, self.run.place.epoch)
        self.run.place.losses = []
        self.clock, self.audio_seconds, self.waited = now, 0.0, 0.0

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        assert isinstance(module, Task) and self.validator.validation is not None
        validation, step = self.validator.validation, module.optimizer_steps
        epoch = self.run.place.epoch - 1  # the one that the validation ends
        self.write(step, {f"dev/{name}": value for name, value in validation.row().items()}, epoch)
        self.run.display.validated(epoch, validation, self.validator.seconds)
        training = self.run.recipe.training
        if sentence := describe_blanks(validation.blank_share, step, self.run.steps, training.warmup_share):
            self.run.display.note(sentence)
        for name, reason in validation.skipped.items():
            self.run.display.note(f"left out of the validation: {name}: {reason}")
        self.show(step, validation)
        best = ranked(self.run.place.history, self.run.recipe.training.best_by)[0]
        self.tell_state(epoch=self.run.place.epoch, step=step, wer=best["wer"], cer=best["cer"], best_epoch=best["epoch"])
        self.ready = self.clock = time.monotonic()

    def show(self, step: int, validation: Validation) -> None:
        """Transcripts and pictures for the loggers."""
        self.to_sinks(lambda sink: sink.transcripts(step, validation.samples))
        due = time.monotonic() - self.pictured > PICTURE_S or bool(self.run.over())
        if validation.emission is None or not validation.samples or not self.sinks or not due:
            return
        self.pictured = time.monotonic()
        for name, figure in self.pictures(validation).items():
            self.to_sinks(lambda sink, name=name, figure=figure: sink.figure(step, name, figure))  # type: ignore[misc]

    def write(self, step: int, values: dict[str, float], epoch: int) -> None:
        """To every logger, and as a line of metrics.jsonl."""
        self.to_sinks(lambda sink: sink.scalars(step, values))
        if not self.run.first:
            return
        try:
            self.run.folder.log({"step": step, "epoch": epoch, **values})
            self.log_fails = False
        except OSError as error:
            if not self.log_fails:
                self.run.display.note(f"{self.run.folder.metrics} misses lines: {error.strerror or error}")
            self.log_fails = True

    def to_sinks(self, call: Callable[[Sink], None]) -> None:
        """Call every logger; one that fails is named, and left out from then on."""
        for sink in list(self.sinks):
            try:
                call(sink)
            except Exception as error:  # whatever a service of others may raise, the training is worth more
                self.sinks.remove(sink)
                self.run.display.note(f"the logger {sink.name} fails and is left out from now on: {type(error).__name__}: {error}")

    def pictures(self, validation: Validation) -> dict[str, Any]:
        """Figures of the first utterance by name; none where matplotlib is not installed, which is said once."""
        if find_spec("matplotlib") is None:
            if not self.told_of_plots:
                self.run.display.note("Without matplotlib the loggers get no pictures: pip install 'tympan[plot]'")
            self.told_of_plots = True
            return {}
        from tympan.plots import Picture, draw_utterance

        assert validation.emission is not None
        reference, hypothesis = validation.samples[0]
        emission, shift = validation.emission, self.run.dev.extractor.frame_shift_s
        picture = Picture(
            f"epoch {self.run.place.epoch}",
            emission.features,
            emission.log_probs,
            self.run.tokens.tokens,
            len(emission.features) * shift,
            reference,
            hypothesis,
        )
        return {"utterance": draw_utterance(picture)}

    def tell_state(self, **facts: Any) -> None:
        """Change state.json."""
        if self.run.first:
            self.run.folder.tell(**facts, seconds=round(self.seconds + time.monotonic() - self.began, 1))

    def on_fit_end(self, trainer: Trainer, module: LightningModule) -> None:
        self.tell_state(state="finished", reason=self.run.over())
        self.close()

    def on_exception(self, trainer: Trainer, module: LightningModule, exception: BaseException) -> None:
        self.run.display.stop()
        self.tell_state(state="stopped", reason=str(exception) or type(exception).__name__)
        self.close()

    def close(self) -> None:
        """Close every logger."""
        self.to_sinks(lambda sink: sink.close())
        self.sinks.clear()

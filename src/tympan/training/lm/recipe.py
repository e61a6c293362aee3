"""The recipe of a neural language model, typed and checked before anything starts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from tympan.errors import RecipeError
from tympan.training.recipe import Strict, apply_override, describe

Share = Annotated[float, Field(ge=0, lt=1)]


class LMDataRecipe(Strict):
    """Which texts."""

    train: list[Path] = Field(min_length=1, description="one sentence a line; plain, or packed by gzip, xz or bzip2")
    dev: list[Path] = Field([], description="texts that choose the best epoch; without, the last sentences of `train` are held out")
    tokens: Path | None = Field(None, description="a token table, or the bundle whose table is taken; without, the text's characters")


class LMModelRecipe(Strict):
    """The network."""

    family: Literal["lstm"] = "lstm"
    embedding: int = Field(192, gt=0, description="values a token")
    hidden: int = Field(512, gt=0, description="values of a layer")
    layers: int = Field(1, gt=0)
    dropout: Share = 0.1
    tied: bool = Field(True, description="the output layer shares the embedding's weights")


class LMTrainingRecipe(Strict):
    """Optimiser, schedule, and how long."""

    max_epochs: int = Field(5, gt=0)
    learning_rate: float = Field(2e-3, gt=0, description="peak of the schedule, of AdamW")
    schedule: Literal["onecycle", "cosine", "noam", "constant"] = "cosine"
    warmup_share: Share = Field(0.05, description="share of all steps in which the rate rises")
    weight_decay: float = Field(0.01, ge=0)
    betas: tuple[Share, Share] = (0.9, 0.98)
    gradient_clip: float = Field(1.0, gt=0)
    batch_tokens: int = Field(4096, gt=0, description="tokens in a batch of sentences of like length, padding counted")
    window: int = Field(128, gt=0, description="tokens of each sentence in one step; longer ones go on with the state, not the gradient")
    patience: int = Field(0, ge=0, description="epochs without a lower perplexity after which the training ends; 0 for all epochs")
    checkpoint_minutes: float = Field(10.0, gt=0, description="a checkpoint at least this often, beside the one of each epoch")
    threads: int = Field(0, ge=0, description="CPU threads; 0 leaves torch's default")
    accelerator: Literal["auto", "cpu", "gpu"] = "auto"


class LMRecipe(Strict):
    """A whole training."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")
    seed: int = 1
    data: LMDataRecipe
    model: LMModelRecipe = LMModelRecipe()
    training: LMTrainingRecipe = LMTrainingRecipe()


def check_lm_recipe(data: dict[str, Any], overrides: list[str] | None = None) -> LMRecipe:
    """A checked recipe from plain data and `--set` overrides; RecipeError names every wrong key and value by its path."""
    for override in overrides or []:
        apply_override(data, override)
    try:
        return LMRecipe.model_validate(data)
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, item['loc'])) or 'recipe'}: {describe(item)}" for item in error.errors()]
        raise RecipeError(f"The recipe of the language model has {len(problems)} mistakes: {'; '.join(problems)}.") from None

"""`--overfit N`: can this network learn a few utterances by heart? If not, no larger set will mend it.

Nothing is left that keeps a network from it: no augmentation, no dropout, no averaging, a rate that stays. What remains are faults of
transcripts, tokens, features, network or rate, which is what the test is for.
"""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import Any

from tympan.errors import TrainingError
from tympan.models.encoders import ENCODERS
from tympan.models.heads.ctc import CTCHead
from tympan.models.heads.joiner import Joiner
from tympan.models.predictors import PREDICTORS
from tympan.models.spellers import Speller
from tympan.training.prepare import Prepared, model_config
from tympan.training.recipe import AttentionRecipe, NeuralTransducerRecipe, Recipe
from tympan.training.run import Run

PASSES = 20  # through the utterances, between two validations
EPOCHS = 60  # of so many passes at most
KINDS: dict[str, Any] = {"decoder": Speller, "head": CTCHead, "joiner": Joiner}


def by_heart(recipe: Recipe) -> Recipe:
    """The recipe without all that hinders learning by heart."""
    training: dict[str, Any] = {
        "max_epochs": EPOCHS,
        "schedule": "constant",
        "warmup_share": 0.02,
        "weight_decay": 0.0,
        "ema_decay": 0.0,
        "accumulate": 1,
        "keep_best": 1,
        "patience": 0,
    }
    config = model_config(recipe.model)
    kinds = {"encoder": ENCODERS.get(str(config["encoder"].get("name"))), **KINDS}
    kinds["predictor"] = PREDICTORS.get(str(config.get("predictor", {}).get("name", "stateless")))
    parts = [part for part in kinds if part in config and (part != "head" or config.get("ctc_head", True))]
    model = {part: {**getattr(recipe.model, part), **without_drops(kinds[part], config[part])} for part in parts}
    if config.get("family") == "attention":
        attention = recipe.training.attention or AttentionRecipe()
        training["attention"] = attention.model_copy(update={"label_smoothing": 0.0, "scheduled_sampling": 0.0})
    if config.get("family") == "neural-transducer":
        options = recipe.training.neural_transducer or NeuralTransducerRecipe()
        training["neural_transducer"] = options.model_copy(update={"label_smoothing": 0.0})
    return recipe.model_copy(
        update={
            "augment": type(recipe.augment)(spec=None),
            "model": recipe.model.model_copy(update=model),
            "training": recipe.training.model_copy(update=training),
        }
    )


def without_drops(kind: Any, config: dict[str, Any]) -> dict[str, float]:
    """Zero for each argument of `kind` that is a probability of dropping something."""
    names = {*config, *(inspect.signature(kind).parameters if kind else ())}
    return {name: 0.0 for name in sorted(names) if name == "dropout" or name.endswith("_drop")}


def learn_few(prepared: Prepared, count: int) -> None:
    """Leave only the first `count` utterances that say something, to train and to validate on.

    Raises:
        TrainingError: there are none.
    """
    train = prepared.train
    chosen = [index for index, tokens in enumerate(train.tokens) if tokens][:count]
    if not chosen:
        raise TrainingError("No training utterance has a text that could be learnt.")
    few = replace(
        train,
        utterances=[train.utterances[index] for index in chosen],
        tokens=[train.tokens[index] for index in chosen],
        positions=[train.positions[index] for index in chosen],
        augmentation=type(train.augmentation)(),
    )
    prepared.train, prepared.dev = replace(few, passes=PASSES), replace(few, shuffle=False)


def check_learnt(run: Run) -> str:
    """A sentence of success; TrainingError if an error is left."""
    row, count = run.place.history[-1], len(run.dev.utterances)
    what = f"{count} utterance{'s' if count > 1 else ''}"
    steps = f"{run.place.epoch * len(run.train.plan(0)):,} steps"
    if row["wer"] or row["cer"]:
        raise TrainingError(
            f"After {steps} the network does not know {what} by heart: WER {row['wer']:.1%}, CER {row['cer']:.1%}.",
            "More data will not mend this. Do the transcripts belong to the recordings, are there frames enough for the tokens "
            "(tympan data doctor), and is training.learning_rate right (try a tenth, and ten times)?",
        )
    return f"The network knows {what} by heart after {steps}: WER 0, CER 0."

"""From a checkpoint to a file that has proved to give the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from tympan.errors import CheckpointError, RecipeError, TympanError
from tympan.lm.neural import BOUNDARY, NeuralLM
from tympan.lm.neural_file import NeuralFile
from tympan.models.build import construct, count_parameters
from tympan.models.language import LANGUAGE_MODELS, LSTMLanguageModel
from tympan.tokens import TokenTable
from tympan.training.checkpoint import Checkpoint, load_checkpoint
from tympan.training.lm.graph import lstm_graph

TOLERANCE = 1e-4  # of log_probs
PROOF_STEPS, PROOF_ROWS = 40, 3


def export(checkpoint: str | Path, path: str | Path) -> float:
    """Write the model of a checkpoint, after both worlds read the same tokens.

    Args:
        checkpoint: best.safetensors or last.safetensors of a run.
        path: of the file.

    Returns:
        The largest difference of log_probs.

    Raises:
        CheckpointError: the checkpoint cannot be used.
        TympanError: the two worlds differ; then no file is written.
    """
    loaded = load_checkpoint(checkpoint)
    model, table = restore_model(loaded)
    facts = loaded.facts
    described = {"family": facts["model"]["family"], "config": facts["model"], "parameters": count_parameters(model)}
    history = facts["history"]
    told = {
        "name": facts["recipe"]["name"],
        "epoch": facts["epoch"],
        "steps": facts["step"],
        "validation": history[-1] if history else {},
        "tympan": facts["version"],
    }
    file = NeuralFile(table, model.state_size, lstm_graph(model), described, facts=told)
    difference = prove(model, NeuralLM(file))
    if not difference <= TOLERANCE:
        raise TympanError(f"The exported network differs from torch by {difference:.2g} in log_probs; {TOLERANCE} is allowed.")
    file.write(path)
    return difference


def build(config: dict[str, object], num_tokens: int) -> LSTMLanguageModel:
    """The network that a recipe describes; RecipeError if it cannot be."""
    options = dict(config)
    family = options.pop("family", None)
    if not isinstance(family, str) or family not in LANGUAGE_MODELS:
        raise RecipeError(f"model.family: there is no {family!r}.", f"There are: {', '.join(sorted(LANGUAGE_MODELS))}.")
    made: LSTMLanguageModel = construct(LANGUAGE_MODELS[family], "model", {"num_tokens": num_tokens}, options)
    return made


def restore_model(checkpoint: Checkpoint) -> tuple[LSTMLanguageModel, TokenTable]:
    """The network with the checkpoint's weights, and its tokens."""
    try:
        table = TokenTable.from_dict(checkpoint.facts["tokens"])
        model = build(checkpoint.facts["model"], len(table))
        model.load_state_dict(checkpoint.weights)
    except (KeyError, RuntimeError, TympanError) as error:
        said = " ".join(str(error).split())[:200]
        raise CheckpointError(f"This is no checkpoint of a language model, or its parts do not fit each other ({said}).") from None
    return model.eval(), table


def prove(model: LSTMLanguageModel, runtime: NeuralLM) -> float:
    """Read drawn tokens in torch at once, and in the runtime step by step and at once; the largest difference of log_probs."""
    rng = np.random.default_rng(0)
    tokens = rng.integers(0, model.num_tokens, (PROOF_ROWS, PROOF_STEPS))
    tokens[:, 0] = BOUNDARY
    with torch.no_grad():
        expected = model(torch.from_numpy(tokens), model.start(PROOF_ROWS))[0].numpy()
    states = np.stack([runtime.start()] * PROOF_ROWS)
    difference = float(np.abs(runtime.run(tokens, states)[0] - expected).max())
    for step in range(PROOF_STEPS):
        log_probs, states = runtime.score(states, tokens[:, step])
        difference = max(difference, float(np.abs(log_probs - expected[:, step]).max()))
    return difference

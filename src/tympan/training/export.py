"""From a checkpoint to a bundle that has proved to give the same."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from tympan import features
from tympan.bundle import GRAPHS, Bundle
from tympan.errors import CheckpointError
from tympan.lm import Scorer
from tympan.models.build import count_parameters
from tympan.models.ctc import CTCModel
from tympan.models.families import build_model
from tympan.models.neural_transducer import NeuralTransducerModel
from tympan.models.speech_model import SpeechModel
from tympan.models.transducer import TransducerModel
from tympan.tokens import TokenTable
from tympan.training.checkpoint import Checkpoint, load_checkpoint
from tympan.training.graphs import MAIN, trace_graphs
from tympan.training.proof import Proof, check_proof, dev_clips, proof_clips, prove
from tympan.training.quantize import quantize_graph
from tympan.training.streaming_graph import describe_state


def export(
    checkpoint: str | Path, path: str | Path, *, int8: bool = False, card: str = "", name: str = "", scorer: Path | None = None
) -> Proof:
    """Write the bundle of a checkpoint, after running clips through torch and through the bundle.

    Args:
        checkpoint: best.safetensors or last.safetensors of a run.
        path: of the bundle.
        int8: 8-bit weights: a quarter of the size, and faster.
        card: the model card, Markdown.
        name: of the model; default the recipe's.
        scorer: to go into the bundle.

    Raises:
        CheckpointError: the checkpoint cannot be used.
        LMError, TokenError: the scorer is damaged, or made for other tokens.
        TympanError: the two worlds differ; then no file is written.
    """
    loaded = load_checkpoint(checkpoint)
    model, extractor, tokens = restore_model(loaded)
    if model.family not in GRAPHS:
        raise CheckpointError(f"{checkpoint} is of a pre-training and writes no text.", f"Go on with it: tympan finetune {checkpoint}")
    if scorer is not None:
        Scorer.open(scorer).check_tokens(tokens.tokens)
    recipe, streaming = loaded.facts["recipe"], dict(loaded.facts.get("streaming") or {})
    if chunks := bool(streaming) and isinstance(model, CTCModel):
        streaming |= describe_state(model)
    graphs = trace_graphs(model, chunks=chunks)
    if int8:
        graphs = {name: quantize_graph(graph, by_row=chunks) for name, graph in graphs.items()}
    bundle = Bundle(
        Path(path),
        name or recipe["name"],
        recipe["language"],
        dict(extractor.config()),
        dict(recipe["normalization"]),
        tokens,
        frame_shift(model, extractor),
        {
            "family": model.family,
            "config": exported_config(loaded.facts["model"]),
            "parameters": count_parameters(model) - count_unused(model),
            "weights": "int8" if int8 else "float32",
            **({"blocks": asdict(model.blocks)} if isinstance(model, NeuralTransducerModel) else {}),
            **({"streaming": streaming} if streaming else {}),
        },
        training_facts(loaded),
        graphs.pop(MAIN),
        card,
        (scorer, 0, scorer.stat().st_size) if scorer is not None else None,
        graphs,
    )
    proof = prove(model, bundle, proof_clips(extractor.sample_rate) + dev_clips(recipe, extractor.sample_rate))
    check_proof(proof, int8=int8)
    bundle.write(path)
    return proof


def restore_model(checkpoint: Checkpoint) -> tuple[SpeechModel, features.Extractor, TokenTable]:
    """The network with the checkpoint's weights (averaged ones where there are any), its front end and tokens."""
    try:
        tokens = TokenTable.from_dict(checkpoint.facts["tokens"])
        extractor = features.from_config(checkpoint.facts["features"])
        model = build_model(checkpoint.facts["model"], extractor.num_features, len(tokens))
        model.load_state_dict(checkpoint.weights)
    except (KeyError, RuntimeError) as error:
        raise CheckpointError(f"The checkpoint's parts do not fit each other ({' '.join(str(error).split())[:200]}).") from None
    return model.eval(), extractor, tokens


def exported_config(config: dict[str, Any]) -> dict[str, Any]:
    """The network's description without a transducer's CTC head, which was for the training alone."""
    return {**config, "ctc_head": False, "head": {}} if config.get("family") == "transducer" else config


def count_unused(model: SpeechModel) -> int:
    """Parameters that no graph of the model has."""
    return count_parameters(model.head) if isinstance(model, TransducerModel) and model.head is not None else 0


def frame_shift(model: SpeechModel, extractor: features.Extractor) -> float:
    """Seconds between two frames of the output, from the output length of a long input."""
    frames = 1 << 16
    return extractor.frame_shift_s * frames / int(model.output_lengths(torch.tensor([frames]))[0])


def training_facts(checkpoint: Checkpoint) -> dict[str, Any]:
    """What people want to know of the training: hours, epochs, the validation it was chosen by."""
    facts = checkpoint.facts
    history = facts["history"]
    return {
        "recipe": without_folders(facts["recipe"]),
        "hours": round(facts["hours"], 2),
        "epoch": facts["epoch"],
        "steps": facts["step"],
        "validation": history[-1] if history else {},
        "tympan": facts["version"],
    }


def without_folders(value: Any) -> Any:
    """Plain data with every path shortened to its name: a bundle goes to strangers, and where its maker's data lay is not theirs."""
    if isinstance(value, dict):
        return {key: without_folders(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_folders(item) for item in value]
    return value.replace("\\", "/").rpartition("/")[2] if isinstance(value, str) and "/" in value else value

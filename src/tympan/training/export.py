"""From a checkpoint to a bundle that has proved to give the same."""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from tympan import audio, features
from tympan.bundle import Bundle
from tympan.data.manifest import read_manifest
from tympan.decoding import greedy
from tympan.errors import AudioError, CheckpointError, ManifestError, TympanError
from tympan.lm import Scorer
from tympan.models.build import build, count_parameters
from tympan.models.ctc import CTCModel
from tympan.recognizer import Recognizer
from tympan.tokens import TokenTable
from tympan.training.checkpoint import Checkpoint, load_checkpoint
from tympan.training.quantize import quantize_graph

TOLERANCE = 1e-4  # of log_probs, float32 weights
INT8_TOLERANCE = 0.1  # share of frames whose best token differs; more means that the quantised graph is broken, not merely coarser
OPSET = 20
DEV_CLIPS = 20
PROOF_SECONDS = (0.3, 1.7, 4.1, 9.7)  # none of them is the length of the example that is traced


@dataclass(frozen=True)
class Proof:
    """What the comparison of both worlds gave.

    Attributes:
        clips: compared.
        log_prob_difference: largest absolute difference of log_probs.
        probability_difference: largest absolute difference of probabilities.
        frames_differ: share of frames whose best token differs.
        texts_differ: clips whose greedy texts differ.
    """

    clips: int
    log_prob_difference: float
    probability_difference: float
    frames_differ: float
    texts_differ: int


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
    if scorer is not None:
        Scorer.open(scorer).check_tokens(tokens.tokens)
    graph = trace(model, extractor.num_features)
    if int8:
        graph = quantize_graph(graph)
    recipe = loaded.facts["recipe"]
    bundle = Bundle(
        Path(path),
        name or recipe["name"],
        recipe["language"],
        dict(extractor.config()),
        dict(recipe["normalization"]),
        tokens,
        frame_shift(model, extractor),
        {
            "family": "ctc",
            "config": loaded.facts["model"],
            "parameters": count_parameters(model),
            "weights": "int8" if int8 else "float32",
            **({"streaming": streaming} if (streaming := loaded.facts.get("streaming")) else {}),
        },
        training_facts(loaded),
        graph,
        card,
        (scorer, 0, scorer.stat().st_size) if scorer is not None else None,
    )
    proof = prove(model, bundle, proof_clips(extractor.sample_rate) + dev_clips(recipe, extractor.sample_rate))
    check_proof(proof, int8=int8)
    bundle.write(path)
    return proof


def restore_model(checkpoint: Checkpoint) -> tuple[CTCModel, features.Extractor, TokenTable]:
    """The network with the checkpoint's weights (averaged ones where there are any), its front end and tokens."""
    try:
        tokens = TokenTable.from_dict(checkpoint.facts["tokens"])
        extractor = features.from_config(checkpoint.facts["features"])
        model = build(checkpoint.facts["model"], extractor.num_features, len(tokens))
        model.load_state_dict(checkpoint.weights)
    except (KeyError, RuntimeError) as error:
        raise CheckpointError(f"The checkpoint's parts do not fit each other ({' '.join(str(error).split())[:200]}).") from None
    return model.eval(), extractor, tokens


def frame_shift(model: CTCModel, extractor: features.Extractor) -> float:
    """Seconds between two frames of log_probs, from the output length of a long input."""
    frames = 1 << 16
    return extractor.frame_shift_s * frames / int(model.output_lengths(torch.tensor([frames]))[0])


def trace(model: CTCModel, num_features: int) -> bytes:
    """The network as one ONNX file with free batch and time."""
    free = torch.export.Dim.DYNAMIC
    example = (torch.randn(2, 200, num_features), torch.tensor([200, 133]))
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # tells of a torchvision that nobody needs
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder, torch.no_grad():
        warnings.simplefilter("ignore")
        path = Path(folder) / "model.onnx"
        torch.onnx.export(
            model,
            example,
            path,
            input_names=["features", "lengths"],
            output_names=["log_probs", "output_lengths"],
            dynamic_shapes={"features": {0: free, 1: free}, "lengths": {0: free}},
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
        return without_traces(path.read_bytes())


def without_traces(graph: bytes) -> bytes:
    """The graph without the exporter's notes: stack traces with the paths of this machine, a part of the file's size."""
    import onnx

    model = onnx.load_model_from_string(graph)
    for holder in (model, model.graph, *model.graph.node, *model.graph.value_info, *model.graph.initializer):
        holder.ClearField("metadata_props")
        holder.ClearField("doc_string")
    return bytes(model.SerializeToString())


def proof_clips(sample_rate: int) -> list[npt.NDArray[np.float32]]:
    """Recordings for the proof: coloured noise that rises and falls like syllables."""
    rng = np.random.default_rng(0)
    clips = []
    for seconds in PROOF_SECONDS:
        count = int(seconds * sample_rate)
        times = np.arange(count) / sample_rate
        voice = np.sin(2 * np.pi * 120 * times + 3 * np.sin(2 * np.pi * 4 * times)) * (1 + np.sin(2 * np.pi * 3 * times))
        clips.append((0.1 * voice + 0.02 * rng.standard_normal(count)).astype(np.float32))
    return clips


def dev_clips(recipe: dict[str, Any], sample_rate: int) -> list[npt.NDArray[np.float32]]:
    """The first recordings of the recipe's dev manifests, as far as they are still there."""
    clips: list[npt.NDArray[np.float32]] = []
    for manifest in recipe["data"]["dev"]:
        try:
            clips += [audio.read(utterance.audio, sample_rate) for utterance in read_manifest(manifest)[: DEV_CLIPS - len(clips)]]
        except (ManifestError, AudioError):
            continue  # a checkpoint may be exported far from its data; the clips made here remain
    return clips


def prove(model: CTCModel, bundle: Bundle, clips: Sequence[npt.NDArray[np.float32]]) -> Proof:
    """Run clips through torch and through the bundle's own runtime and compare."""
    runtime = Recognizer(bundle, threads=1, scorer="none")
    log_prob_difference = probability_difference = 0.0
    texts = frames_differing = frames_all = 0
    for samples in clips:
        frames = runtime.normalization(runtime.extractor(samples))
        if not len(frames):
            continue
        with torch.no_grad():
            log_probs, lengths = model(torch.from_numpy(frames)[None], torch.tensor([len(frames)]))
        expected = log_probs[0, : int(lengths[0])].numpy()
        found = runtime.log_probs(samples)
        if expected.shape != found.shape:
            raise TympanError(f"The exported network gives {found.shape} where torch gives {expected.shape}; no bundle was written.")
        log_prob_difference = max(log_prob_difference, float(np.abs(expected - found).max(initial=0)))
        probability_difference = max(probability_difference, float(np.abs(np.exp(expected) - np.exp(found)).max(initial=0)))
        frames_differing += int((expected.argmax(axis=1) != found.argmax(axis=1)).sum())
        frames_all += len(expected)
        texts += greedy(expected).tokens != greedy(found).tokens
    return Proof(len(clips), log_prob_difference, probability_difference, frames_differing / max(1, frames_all), texts)


def check_proof(proof: Proof, *, int8: bool) -> None:
    """TympanError if the exported network is not the trained one."""
    if not int8 and (proof.log_prob_difference > TOLERANCE or proof.texts_differ):
        raise TympanError(
            f"The exported network differs from torch by {proof.log_prob_difference:.2g} in log_probs and in {proof.texts_differ} texts; "
            f"{TOLERANCE} is allowed, so no bundle was written.",
            "Please report this with the recipe.",
        )
    if int8 and not proof.frames_differ <= INT8_TOLERANCE:
        raise TympanError(
            f"With int8 weights the best token differs in {proof.frames_differ:.1%} of the frames; no bundle was written.",
            "Export without --int8.",
        )


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

"""What the network of a run makes of utterances of its dev set, to be drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from tympan import audio
from tympan.data.manifest import Utterance, read_manifest
from tympan.decoding import greedy
from tympan.errors import AudioError, ManifestError
from tympan.features import Normalization
from tympan.plots import Picture
from tympan.training.checkpoint import load_checkpoint
from tympan.training.export import restore_model
from tympan.training.recipe import Recipe, load_recipe
from tympan.training.run_folder import RunFolder, read_json


def dev_pictures(run: Path, count: int) -> tuple[list[Picture], str]:
    """The first `count` utterances of the dev set that can be read, through the best weights.

    Returns:
        The pictures, and a sentence if there are fewer, and why.

    Raises:
        RecipeError, CheckpointError: the run's files are damaged.
    """
    folder = RunFolder(run)
    if not folder.best.exists():
        return [], "There are no weights yet: best.safetensors comes with the first validation."
    checkpoint = load_checkpoint(folder.best)
    recipe = load_recipe(run / "recipe.yaml")
    model, extractor, tokens = restore_model(checkpoint)
    normalization = Normalization.from_config(recipe.normalization)
    pictures: list[Picture] = []
    for utterance in dev_utterances(recipe, folder):
        if len(pictures) == count:
            break
        try:
            samples = audio.read(utterance.audio, extractor.sample_rate)
        except AudioError:
            continue
        features = normalization(extractor(samples))
        with torch.no_grad():
            emitted = model.frame_log_probs(torch.from_numpy(features)[None], torch.tensor([len(features)]))
        if emitted is None:
            return [], f"A model of family {model.family} without a CTC head gives no probabilities by frames to draw."
        log_probs, lengths = emitted
        found = np.asarray(log_probs[0, : int(lengths[0])], dtype=np.float32)
        heard = tokens.decode(greedy(found).tokens)
        seconds = len(samples) / extractor.sample_rate
        pictures.append(Picture(utterance.id, features, found, tokens.tokens, seconds, utterance.text, heard))
    missing = "" if len(pictures) == count else f"Only {len(pictures)} utterances of the run's dev manifests can be read from here."
    return pictures, missing


def dev_utterances(recipe: Recipe, run: RunFolder) -> list[Utterance]:
    """Those of the manifests that are still there; paths count from where the training was started."""
    found: list[Utterance] = []
    for path in recipe.data.dev:
        try:
            found += read_manifest(Path(read_json(run.run).get("folder", ".")) / path)
        except ManifestError:
            continue
    return found

"""From a recipe to data, tokens and network: everything that can be wrong is found here, before the first step."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import yaml

from tympan import features
from tympan.data import doctor
from tympan.data.augment import Augmenter, CachedRecordings, Files, Recordings
from tympan.data.cache import FeatureCache, Sounds, UncachedAudio
from tympan.data.manifest import Utterance, read_manifest
from tympan.data.torch_batches import Hearing, SpeechData
from tympan.errors import ManifestError, RecipeError, TokenError
from tympan.features.normalize import STD_FLOOR
from tympan.g2p import G2P
from tympan.lexicon import PHONES, Pronunciations
from tympan.models.build import count_parameters
from tympan.models.families import build_model
from tympan.models.presets import PRESETS
from tympan.models.speech_model import SpeechModel
from tympan.tokens import BLANK_TOKEN, TokenTable
from tympan.training.objectives import Objective, build_objective
from tympan.training.recipe import PARTS_OF, CTCRecipe, ModelRecipe, Recipe, StreamingRecipe, TokensRecipe
from tympan.training.sounds import Progress as Progress
from tympan.training.sounds import open_sounds

STATISTICS_UTTERANCES = 500
NO_TOKENS = TokenTable((BLANK_TOKEN, " "))  # of a pre-training, which hears no text


@dataclass
class Prepared:
    """What a training needs.

    Attributes:
        train, dev: the data.
        tokens: the table.
        model: the network, with the weights that the recipe's seed gives.
        model_config: the resolved description of the network, for checkpoint and bundle.
        left_out: utterance id -> why it is not trained on.
        findings: what the doctor says of transcripts and sets, a line each.
        streaming: how the network learns to hear in chunks, for checkpoint and bundle; empty if it does not.
        objective: what is minimised.
        watch: data that is only judged, before and after; None for none.
    """

    train: SpeechData
    dev: SpeechData
    tokens: TokenTable
    model: SpeechModel
    model_config: dict[str, Any]
    left_out: dict[str, str]
    findings: list[str]
    streaming: dict[str, Any]
    objective: Objective
    watch: SpeechData | None = None


def model_config(recipe: ModelRecipe) -> dict[str, Any]:
    """The preset's description with the recipe's keys over it."""
    base: dict[str, Any] = {}
    if recipe.preset is not None:
        if recipe.preset not in PRESETS:
            raise RecipeError(f"model.preset: there is no preset {recipe.preset!r}.", f"There are: {', '.join(sorted(PRESETS))}.")
        base = dict(PRESETS[recipe.preset])
    family = recipe.family or base.get("family", "ctc")
    if idle := [name for name in recipe.parts_given() if name not in PARTS_OF[family]]:
        raise RecipeError(f"model.{idle[0]} has no effect on family {family}.", f"It takes {' and '.join(PARTS_OF[family])}.")
    config: dict[str, Any] = {} if family == "ctc" else {"family": family}
    config["encoder"] = {**base.get("encoder", {}), **recipe.encoder}
    for part in PARTS_OF[family]:
        given = getattr(recipe, part)
        if isinstance(given, dict):
            config[part] = {**base.get(part, {}), **given}
        else:
            config[part] = base.get(part, part != "condition") if given is None else given
    return config


def feature_config(recipe: Recipe) -> dict[str, Any]:
    """The recipe's front end, or else the preset's, or else fbank80."""
    preset: dict[str, Any] = dict(PRESETS.get(recipe.model.preset or "", {}))
    return dict(recipe.features or preset.get("features") or {"name": "fbank80"})


def build_network(recipe: Recipe, num_tokens: int) -> tuple[SpeechModel, features.Extractor, dict[str, Any]]:
    """The network with the recipe's seed, its front end, and its resolved description."""
    extractor = features.from_config(feature_config(recipe))
    features.Normalization.from_config(recipe.normalization)  # only checked here; a mistake must not wait for the audio
    config = model_config(recipe.model)
    torch.manual_seed(recipe.seed)
    check_family(recipe, config)
    check_front_end(recipe, extractor, config)
    model = build_model(config, extractor.num_features, num_tokens)
    config["encoder"] = model.encoder.resolved(config["encoder"])
    if recipe.streaming is not None and not model.encoder.chunked:
        raise RecipeError(
            f"streaming: the encoder {config['encoder']['name']} cannot hear in chunks.", "Leave the section out, or take conformer."
        )
    return model, extractor, config


def check_front_end(recipe: Recipe, extractor: features.Extractor, config: dict[str, Any]) -> None:
    """RecipeError if what hears samples is given features, or the other way round, or if samples are treated as features."""
    raw, wants = isinstance(extractor, features.Waveform), config["encoder"].get("name") == HEARS_SAMPLES
    if raw != wants:
        raise RecipeError(
            f"features.name is {extractor.name} and model.encoder.name {config['encoder'].get('name')}.",
            f"{HEARS_SAMPLES} hears samples, features: {{name: waveform}}; all other encoders hear features.",
        )
    if raw and (recipe.augment.spec is not None or recipe.normalization.get("mode") != "none"):
        raise RecipeError(
            "augment.spec and normalization are for features, and this encoder hears samples, which it masks and normalises itself.",
            "Set augment: {spec: null} and normalization: {mode: none}.",
        )


HEARS_SAMPLES = "huggingface"
SECTIONS = {
    "attention": "attention",
    "neural_transducer": "neural-transducer",
    "transducer": "transducer",
    "masking": "best-rq",
}  # of training


def check_family(recipe: Recipe, config: dict[str, Any]) -> None:
    """RecipeError if the recipe asks for what the model's family cannot, or does not, do."""
    family, training = config.get("family", "ctc"), recipe.training
    framewise = family in ("ctc", "neural-transducer") or bool(config.get("ctc_head"))
    for name, of in SECTIONS.items():
        if getattr(training, name) is not None and family != of:
            raise RecipeError(f"training.{name} has no effect on family {family}.", "Leave it out, or set model.family.")
    section = training.attention if family == "attention" else training.transducer if family == "transducer" else None
    weight = section.ctc_weight if section is not None else None
    if weight is not None and bool(weight) != bool(config["ctc_head"]):
        raise RecipeError(
            f"training.{family}.ctc_weight is {weight:g} and model.ctc_head is {str(config['ctc_head']).lower()}.",
            "A head needs a weight above 0, and a weight a head.",
        )
    if recipe.streaming is not None and family not in ("ctc", "neural-transducer"):
        raise RecipeError(
            f"streaming: training in chunks is for families ctc and neural-transducer, not for {family}.", "Leave the section out."
        )
    if training.mwer is not None and family not in ("ctc", "attention"):
        raise RecipeError(f"training.mwer is for the families ctc and attention, not for {family}.", "Leave the section out.")
    if not framewise and (training.consistency or not isinstance(training.objective, CTCRecipe)):
        raise RecipeError("training.objective and training.consistency are for models with a CTC head.", "Leave them out.")


def is_pretraining(recipe: Recipe) -> bool:
    """Whether the recipe's model hears no text; RecipeError if the recipe hides what it is to predict, or names tokens."""
    if model_config(recipe.model).get("family") != "best-rq":
        return False
    if recipe.augment.spec is not None and "spec" in recipe.augment.model_fields_set:
        raise RecipeError("augment.spec hides in a pre-training what is to be predicted.", "Leave it out; training.masking hides.")
    if recipe.training.mwer is not None or recipe.tokens != TokensRecipe():
        raise RecipeError("A pre-training hears no text: tokens and training.mwer have no effect.", "Leave them out.")
    return True


def read_set(recipe: Recipe, path: Path) -> list[Utterance]:
    """A manifest; a pre-training's may be without text."""
    return read_manifest(path, need_text=not is_pretraining(recipe))


def read_sets(recipe: Recipe) -> list[tuple[Path, str, list[Utterance]]]:
    """The manifests to train on and those that choose the best epoch: path, "train" or "dev", utterances."""
    named = [(path, "train") for path in recipe.data.train] + [(path, "dev") for path in recipe.data.dev]
    return [(path, split, read_set(recipe, path)) for path, split in named]


def speller(recipe: Recipe) -> Callable[[str], str]:
    """From a transcript to the text that the token table spells: itself, its phones, or nothing in a pre-training."""
    if is_pretraining(recipe):
        return lambda text: ""
    if recipe.tokens.dictionary is None:
        return lambda text: text
    guess = G2P.open(recipe.tokens.g2p).guess if recipe.tokens.g2p is not None else None
    return replace(Pronunciations.read(recipe.tokens.dictionary), guess=guess).transcribe


def token_table(recipe: Recipe, texts: Sequence[str]) -> TokenTable:
    """CMUdict's phones, bytes, the recipe's pieces or characters, or the characters of the transcripts."""
    if is_pretraining(recipe):
        return NO_TOKENS
    if recipe.tokens.table is not None:
        table = TokenTable.read(recipe.tokens.table)
        if table.kind != recipe.tokens.kind:
            raise RecipeError(f"tokens.table: {recipe.tokens.table} holds {table.kind}.", f"tokens.kind is {recipe.tokens.kind}.")
        return table
    if recipe.tokens.kind == "phones":
        return TokenTable((BLANK_TOKEN, *PHONES), "phones")
    if recipe.tokens.kind == "bytes":
        return TokenTable.of_bytes()
    if recipe.tokens.characters is not None:
        return TokenTable((BLANK_TOKEN, *unicodedata.normalize("NFC", recipe.tokens.characters)))  # as the transcripts are
    return TokenTable.from_texts(texts)


def describe(recipe: Recipe) -> str:
    """The resolved recipe as YAML, and the number of parameters of its network; reads the transcripts only if they make the tokens."""
    given = is_pretraining(recipe) or recipe.tokens.kind != "characters" or recipe.tokens.characters or recipe.tokens.table
    texts = [] if given else [utterance.text for path in recipe.data.train for utterance in read_set(recipe, path)]
    tokens = token_table(recipe, texts)
    model, extractor, config = build_network(recipe, len(tokens))
    resolved = {**recipe.model_dump(mode="json"), "features": extractor.config(), "model": config}
    text = yaml.safe_dump(resolved, sort_keys=False, allow_unicode=True)
    return f"{text}tokens: {len(tokens)} with blank\nparameters: {count_parameters(model)}"


def prepare(recipe: Recipe, progress: Progress) -> Prepared:
    """Read manifests, decode audio into the cache, make tokens and network.

    Raises:
        ManifestError, RecipeError, TokenError: what is wrong, before anything is trained.
    """
    sets = read_sets(recipe)
    train, dev = ([utterance for _, of, found in sets if of == split for utterance in found] for split in ("train", "dev"))
    tokens, spell = token_table(recipe, [utterance.text for utterance in train]), speller(recipe)
    model, extractor, config = build_network(recipe, len(tokens))
    findings = check_texts(doctor.from_utterances(sets), recipe, tokens, spell)
    left_out: dict[str, str] = {}
    augmentation = load_augmentation(recipe, extractor, progress)
    data = []
    watch = [utterance for path in recipe.data.watch for utterance in read_set(recipe, path)]
    for name, utterances in (("train", train), ("dev", dev), *([("watch", watch)] if watch else [])):
        cache = open_sounds(recipe.data, utterances, extractor, f"the {name} audio", progress)
        encoded = [tokens.encode(spell(utterance.text)) for utterance in utterances]
        unusable = find_unusable(name, utterances, tokens, spell, cache, recipe, model, extractor)
        kept = [index for index in range(len(utterances)) if index not in unusable]
        if name == "train" or not kept:
            left_out |= {utterances[index].id: reason for index, reason in unusable.items()}
        if not kept:
            raise ManifestError(f"No utterance of data.{name} can be used.", "; ".join(list(left_out.values())[:3]))
        data.append(
            SpeechData(
                [utterances[index] for index in kept],
                [encoded[index] for index in kept],
                cache,
                kept,
                extractor,
                features.Normalization.from_config(recipe.normalization),
                recipe.data.max_batch_seconds,
                recipe.seed,
                with_talkers(augmentation, cache, utterances, kept) if name == "train" else Augmenter(),
                shuffle=name == "train",
                shortest_first=recipe.data.shortest_first,
                views=2 if name == "train" and recipe.training.consistency else 1,
                separator=tokens.separator,
            )
        )
    train_data, dev_data, *watched = data
    streaming: dict[str, Any] = {}
    if recipe.streaming is not None:
        train_data.hearing = hearing(recipe.streaming, train_data, progress)
        streaming = {"chunk_sizes": recipe.streaming.chunk_sizes, "normalization": train_data.hearing.normalization.config()}
    objective = build_objective(recipe.training.objective, len(tokens), train_data.tokens)
    judged = watched[0] if watched else None
    return Prepared(train_data, dev_data, tokens, model, config, left_out, findings, streaming, objective, judged)


def hearing(recipe: StreamingRecipe, data: SpeechData, progress: Progress) -> Hearing:
    """Chunks normalised by what came before them, which begins with the statistics of the first training utterances."""
    count = min(STATISTICS_UTTERANCES, len(data.utterances))
    total = squares = np.zeros(data.extractor.num_features)
    frames = 0
    with progress("statistics of the features", count) as advance:
        for index in range(count):
            found = data.features(index).astype(np.float64)
            total, squares, frames = total + found.sum(axis=0), squares + (found**2).sum(axis=0), frames + len(found)
            advance(index + 1)
    mean = total / max(1, frames)
    std = np.sqrt(np.maximum(squares / max(1, frames) - mean**2, STD_FLOOR**2))
    running = features.Normalization("running", tuple(mean.tolist()), tuple(std.tolist()))
    return Hearing(recipe.chunk_sizes, recipe.probability, running)


def check_texts(corpus: doctor.Corpus, recipe: Recipe, tokens: TokenTable, spell: Callable[[str], str]) -> list[str]:
    """The doctor's quick checks, a line a finding; TokenError if the tokens cannot spell a transcript."""
    if is_pretraining(recipe):
        return []
    corpus.tokens, corpus.spell = tokens, spell
    if wrong := doctor.examine(corpus, ("D104",)).faults("D104"):
        first = corpus.rows[wrong[0].row].utterance.id
        raise TokenError(f"{len(wrong):,} transcripts cannot be spelled; the first, {first}: {wrong[0].detail}", doctor.remedy("D104"))
    if recipe.tokens.kind == "characters" and recipe.tokens.characters is None:
        corpus.tokens = None  # it was made of these transcripts, so that a sign is in it does not say that it was meant
    return doctor.examine(corpus, doctor.QUICK).summary()


def find_unusable(
    split: str,
    utterances: Sequence[Utterance],
    tokens: TokenTable,
    spell: Callable[[str], str],
    cache: Sounds | FeatureCache,
    recipe: Recipe,
    model: SpeechModel,
    extractor: features.Extractor,
) -> dict[int, str]:
    """Index -> why it is not used, by the doctor's checks of decoded audio, with this network's own output lengths."""

    def output_frames(durations: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        frames = [extractor.num_frames(round(duration * extractor.sample_rate)) for duration in durations]
        return model.output_lengths(torch.tensor(frames)).numpy()

    corpus = doctor.from_utterances([(Path(split), split, utterances)])
    corpus.tokens, corpus.spell, corpus.output_frames = tokens, spell, output_frames
    corpus.min_s, corpus.max_s = recipe.data.min_duration_s, recipe.data.max_duration_s
    reasons = [cache.skipped.get(index, "") for index in range(len(utterances))]
    corpus.recordings = [doctor.Recording(float(length), error) for length, error in zip(cache.durations(), reasons, strict=True)]
    unusable: dict[int, str] = {}
    codes = ("D201", "D110", "D101") if model.aligned else ("D201", "D110")
    for code in codes:
        for fault in doctor.examine(corpus, (code,)).faults(code):
            unusable.setdefault(fault.row, f"{utterances[fault.row].id}: {fault.detail}")
    return unusable


def load_augmentation(recipe: Recipe, extractor: features.Extractor, progress: Progress) -> Augmenter:
    """The recipe's section, with its noises, rooms and talkers."""

    def recordings(manifest: Path, name: str) -> Recordings:
        utterances = read_manifest(manifest, need_text=False)
        if recipe.data.cache_kind == "none":
            return Files(utterances, extractor.sample_rate)
        data = recipe.data.model_copy(update={"cache_kind": "waveform"})  # a sound is mixed in, whatever the speech is kept as
        cache = open_sounds(data, utterances, extractor, f"the {name}", progress)
        assert not isinstance(cache, FeatureCache)
        return CachedRecordings.of(cache)

    augment = recipe.augment
    if is_pretraining(recipe):
        augment = augment.model_copy(update={"spec": None})  # by default there are masks
    return Augmenter.open(augment, extractor.sample_rate, recordings)


def with_talkers(augmentation: Augmenter, cache: Sounds | FeatureCache, utterances: Sequence[Utterance], kept: Sequence[int]) -> Augmenter:
    """The training's own utterances for `babble`; features hold no voices to be mixed in, and then there is no babble."""
    if isinstance(cache, FeatureCache):
        return augmentation
    if isinstance(cache, UncachedAudio):
        return augmentation.with_talkers(Files([utterances[index] for index in kept], cache.sample_rate))
    return augmentation.with_talkers(CachedRecordings(cache, kept))

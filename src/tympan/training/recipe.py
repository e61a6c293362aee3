"""The recipe: everything that a training depends on, typed and checked before anything starts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from tympan.data.augment import AugmentRecipe
from tympan.errors import RecipeError
from tympan.training.precision import Precision


class Strict(BaseModel):
    """Unknown keys are errors; values do not change after checking."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class DataRecipe(Strict):
    """Which recordings, and how they are put into batches."""

    train: list[Path] = Field(min_length=1, description="manifests, relative to the working folder")
    dev: list[Path] = Field(min_length=1, description="manifests that choose the best epoch; never a test set")
    watch: list[Path] = Field([], description="manifests that are only judged, before the first step and after the last")
    cache: Path = Field(Path("work/cache"), description="folder for what is kept of the recordings; any number of trainings may share it")
    cache_kind: Literal["waveform", "features", "none"] = Field(
        "waveform", description="samples (115 MB an hour), or features where no sound is changed (115 MB), or decode in every epoch"
    )
    max_batch_seconds: float = Field(80.0, gt=0, description="seconds of audio in a batch, padding counted")
    shortest_first: bool = Field(False, description="the first epoch goes from short utterances to long ones (SortaGrad)")
    min_duration_s: float = Field(0.1, ge=0, description="shorter utterances are left out and counted")
    max_duration_s: float = Field(25.0, gt=0, description="longer utterances are left out and counted")
    workers: int = Field(1, ge=0, description="processes that prepare batches; 0 prepares them in the training process")
    features_on: Literal["worker", "device"] = Field(
        "worker", description="where features are computed: in these processes, or in batches where the network is (a GPU)"
    )


class TokensRecipe(Strict):
    """The token table: characters, of the training transcripts unless they are given, bytes, the phones of a dictionary, or pieces."""

    kind: Literal["characters", "bytes", "phones", "pieces"] = "characters"
    table: Path | None = Field(None, description="a table to keep: what `tympan tokens train` wrote for pieces, or another model's")
    characters: str | None = Field(None, description="all characters, space too; no effect on transcripts: one outside it is an error")
    dictionary: Path | None = Field(None, description="for phones: lines `word PH1 PH2 ...`; words outside it are pronounced by rule")
    g2p: Path | None = Field(None, description="for phones: a model of `tympan tokens g2p` for words outside the dictionary")

    @model_validator(mode="after")
    def has_what_its_kind_needs(self) -> TokensRecipe:
        if self.kind == "bytes" and (self.dictionary is not None or self.characters is not None):
            raise ValueError("kind bytes takes neither 'dictionary' nor 'characters'")
        if (self.kind == "phones") != (self.dictionary is not None) or (self.kind == "phones" and self.characters is not None):
            raise ValueError("kind phones needs 'dictionary' and no 'characters', kind characters no 'dictionary'")
        if (self.kind == "pieces" and self.table is None) or (self.table is not None and self.characters is not None):
            raise ValueError("kind pieces needs 'table', and a table goes with no 'characters'")
        if self.g2p is not None and self.kind != "phones":
            raise ValueError("'g2p' is for kind phones only")
        return self


Family = Literal["ctc", "attention", "neural-transducer", "transducer", "best-rq"]

PARTS_OF: dict[str, tuple[str, ...]] = {  # keys of `model` beside preset, family and encoder that have an effect
    "ctc": ("head", "condition"),
    "attention": ("decoder", "head", "ctc_head"),
    "neural-transducer": ("decoder", "block", "head"),
    "transducer": ("predictor", "joiner", "head", "ctc_head"),
    "best-rq": ("quantizer",),
}


class ModelRecipe(Strict):
    """A preset by name, or an encoder and what its family needs beside it; keys override the preset's."""

    preset: str | None = None
    family: Family | None = Field(None, description="what makes text of encoded frames; without, the preset's, or ctc")
    encoder: dict[str, Any] = Field(default_factory=dict)
    head: dict[str, Any] = Field(default_factory=dict, description="the CTC head; of other families, the one beside what makes the text")
    condition: bool | None = Field(None, description="ctc: feed the posteriors of the encoder's taps back (self-conditioned CTC)")
    decoder: dict[str, Any] = Field(default_factory=dict, description="attention, neural-transducer: the speller")
    block: dict[str, Any] = Field(default_factory=dict, description="neural-transducer: how utterances are cut into blocks")
    ctc_head: bool | None = Field(None, description="attention, transducer: with a CTC head on the encoder; without, the preset's, or yes")
    predictor: dict[str, Any] = Field(default_factory=dict, description="transducer: what knows the text so far")
    joiner: dict[str, Any] = Field(default_factory=dict, description="transducer: what brings sound and text together")
    quantizer: dict[str, Any] = Field(default_factory=dict, description="best-rq: what makes codes of features")

    @model_validator(mode="after")
    def names_a_network(self) -> ModelRecipe:
        if self.preset is None and "name" not in self.encoder:
            raise ValueError("needs 'preset' or 'encoder.name'")
        if self.family is not None or self.preset is None:
            family = self.family or "ctc"
            if idle := [name for name in self.parts_given() if name not in PARTS_OF[family]]:
                raise ValueError(f"has {' and '.join(idle)}, which family {family} does not use")
        return self

    def parts_given(self) -> list[str]:
        """The keys that some families alone use and that say something."""
        names = sorted({name for parts in PARTS_OF.values() for name in parts})
        return [name for name in names if getattr(self, name) not in ({}, None)]


class StreamingRecipe(Strict):
    """Training for one network that hears whole utterances, and the same weights chunk by chunk."""

    chunk_sizes: list[Annotated[int, Field(gt=0)]] = Field([4, 8, 16], min_length=1, description="encoded frames, one is drawn")
    probability: float = Field(0.5, gt=0, le=1, description="of hearing an utterance in chunks; of two views, for the second alone")


Share = Annotated[float, Field(ge=0, lt=1)]


class CTCRecipe(Strict):
    """CTC and nothing else."""

    kind: Literal["ctc"] = "ctc"


class SmoothingRecipe(Strict):
    """CTC with label smoothing."""

    kind: Literal["ctc-smoothing"]
    weight: Share = Field(0.1, description="of the divergence from equal probabilities; CTC has the rest")


class BlankPenaltyRecipe(Strict):
    """CTC that prefers paths with fewer blanks."""

    kind: Literal["ctc-blank-penalty"]
    penalty: float = Field(0.5, ge=0, description="nats for each blank")


class PriorRecipe(Strict):
    """CTC with label priors."""

    kind: Literal["ctc-priors"]
    weight: float = Field(0.3, ge=0, le=1, description="of the prior")
    decay: Share = Field(0.999, description="share of the old prior that a batch leaves")


class CRFRecipe(Strict):
    """CTC-CRF, a lattice-free sequence objective: the transcript against all token sequences of an n-gram."""

    kind: Literal["ctc-crf"]
    order: int = Field(3, ge=2, le=6, description="of the n-gram of the training transcripts' tokens")
    max_ngrams: int = Field(30_000, gt=0, description="of two tokens and more; rare ones are pruned until there are no more")
    ctc_weight: float = Field(0.1, ge=0, description="of plain CTC, added")


ObjectiveRecipe = CTCRecipe | SmoothingRecipe | BlankPenaltyRecipe | PriorRecipe | CRFRecipe


class AttentionRecipe(Strict):
    """How a model with attention learns to spell."""

    ctc_weight: float | None = Field(None, ge=0, lt=1, description="of the CTC head's loss, the speller has the rest; default 0.3")
    label_smoothing: Share = Field(0.1, description="of each token's target, shared out equally among all tokens")
    scheduled_sampling: Share = Field(0.1, description="probability that the speller reads what it would have written instead of the truth")
    sampling_ramp: float = Field(0.0, ge=0, le=1, description="share of all steps in which that probability rises from 0")


class NeuralTransducerRecipe(Strict):
    """How a neural transducer learns to spell in blocks."""

    ctc_weight: float = Field(0.3, gt=0, lt=1, description="of the CTC head's loss, the speller has the rest")
    label_smoothing: Share = Field(0.1, description="of each token's target, shared out equally among all tokens")
    head_alone: Share = Field(0.2, description="of all steps, in which the CTC head learns by itself to say where tokens are")
    realign_from: float = Field(0.6, ge=0, le=1, description="share of all steps after which the model itself says where they are")
    corridor: int = Field(4, ge=0, description="tokens by which it may then differ from the CTC head at the end of a block")
    slack: int = Field(0, ge=0, description="encoded frames by which tokens are put off behind where the CTC head has them")


class TransducerRecipe(Strict):
    """What a transducer learns from."""

    ctc_weight: float | None = Field(None, ge=0, lt=1, description="of the CTC head's loss, the transducer has the rest; default 0.3")
    chunk: int = Field(0, ge=0, description="utterances whose logits exist at a time; 0 for all: fast, and large")


class MaskingRecipe(Strict):
    """What a pre-training hides."""

    probability: float = Field(0.01, gt=0, le=1, description="of hiding to begin at a feature frame")
    frames: int = Field(40, gt=0, description="feature frames that are hidden from there on")
    noise: float = Field(0.1, ge=0, description="standard deviation of the noise in their place")


class MWERRecipe(Strict):
    """Minimum word error rate: the errors that a search is to expect, in place of the likelihood of the transcript."""

    scorer: Path | None = Field(None, description="for the search, in training and in validations; without one it is open")
    nbest: int = Field(4, ge=2, le=100, description="hypotheses an utterance")
    beam_size: int = Field(50, ge=2, le=10_000)
    lm_weight: float | None = Field(None, description="default the scorer's")
    word_score: float | None = Field(None, description="default the scorer's")
    objective_weight: float = Field(0.1, ge=0, description="of the training's own loss, added")


class TrainingRecipe(Strict):
    """Optimiser, schedule, and how long."""

    max_epochs: int = Field(20, gt=0)
    objective: Annotated[ObjectiveRecipe, Field(discriminator="kind")] = CTCRecipe()
    optimizer: Literal["adamw", "novograd"] = "adamw"
    learning_rate: float = Field(5e-4, gt=0, description="peak of the schedule")
    warmup_share: float = Field(0.1, ge=0, lt=1, description="share of all steps in which the rate rises")
    schedule: Literal["onecycle", "cosine", "noam", "plateau", "constant"] = "onecycle"
    plateau_patience: int = Field(3, gt=0, description="epochs without a new lowest dev WER before the rate falls; for plateau only")
    plateau_factor: float = Field(0.5, gt=0, lt=1, description="by which it falls; for plateau only")
    weight_decay: float = Field(0.01, ge=0)
    betas: tuple[Share, Share] = (0.9, 0.98)
    gradient_clip: float = Field(5.0, gt=0)
    accumulate: int = Field(1, gt=0, description="batches for one optimiser step")
    precision: Precision = Field("32-true", description="of matrix products; auto takes bfloat16 where the hardware multiplies it")
    attention: AttentionRecipe | None = Field(None, description="for family attention")
    neural_transducer: NeuralTransducerRecipe | None = Field(None, description="for family neural-transducer")
    transducer: TransducerRecipe | None = Field(None, description="for family transducer")
    masking: MaskingRecipe | None = Field(None, description="for family best-rq")
    mwer: MWERRecipe | None = Field(None, description="fine-tune by the word errors of n-best lists; begin with training.initial")
    intermediate_weight: float = Field(0.3, ge=0, lt=1, description="of the intermediate CTC losses; no effect without taps")
    consistency: float = Field(
        0.0, ge=0, description="weight of the agreement of two views (CR-CTC, usually 0.2); 0 for one view; above it, a batch holds both"
    )
    initial: Path | None = Field(
        None, description="checkpoint or bundle whose weights the network begins with, where names and shapes agree"
    )
    freeze: list[str] = Field([], description="parameters that stay as they are, by the beginnings of their names: encoder.subsampling")
    ema_decay: float = Field(0.0, ge=0, lt=1, description="of the averaged weights that are validated and exported; 0 for none")
    checkpoint_minutes: float = Field(10.0, gt=0, description="a checkpoint at least this often, beside the one of each epoch")
    keep_best: int = Field(1, gt=0, description="epochs of lowest WER to keep; from 2 on, their average is tried at the end")
    best_by: Literal["wer", "loss"] = Field(
        "wer", description="what makes an epoch the best on dev; the loss, where the WER is near nothing for its speakers are known"
    )
    patience: int = Field(0, ge=0, description="epochs without a lower WER after which the training ends; 0 for all epochs")
    threads: int = Field(0, ge=0, description="CPU threads of the training process; 0 leaves torch's default")


class TrainerRecipe(Strict):
    """Where a training runs; nothing here changes what is trained, but the number of processes (docs/scaling.md)."""

    devices: Annotated[int, Field(gt=0)] | Literal["auto"] = Field(
        1, description="processes on each machine, one a GPU; auto takes every GPU; torchrun's and SLURM's number comes first"
    )
    num_nodes: int = Field(1, gt=0, description="machines")
    accelerator: Literal["auto", "cpu", "gpu", "mps"] = "auto"
    strategy: Literal["auto", "ddp"] = Field("auto", description="auto takes ddp where there is more than one process")
    compile: bool = Field(False, description="torch.compile for the encoder: minutes for each new shape of batch; for GPUs")
    timeout_minutes: float = Field(30.0, gt=0, description="how long processes wait for each other before they give up")


class LoggerRecipe(Strict):
    """Where curves, transcripts and pictures go, beside the run's own metrics.jsonl; a mere name takes the rest as it is."""

    name: Literal["tensorboard", "wandb", "mlflow", "comet"]
    project: str = Field("tympan", description="project, experiment or workspace; no effect on tensorboard")
    offline: bool = Field(False, description="keep all in the run's folder, to be sent later; no effect on tensorboard")


def named(value: Any) -> Any:
    """`wandb` for `{name: wandb}`."""
    return {"name": value} if isinstance(value, str) else value


class Recipe(Strict):
    """A whole training."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")
    description: str = ""
    language: str = Field("", description="ISO 639-1 code, for the bundle")
    seed: int = 1
    data: DataRecipe
    augment: AugmentRecipe = AugmentRecipe()
    features: dict[str, Any] = Field(default_factory=dict, description="front end; empty takes the preset's")
    normalization: dict[str, Any] = Field(default_factory=lambda: {"mode": "utterance"})
    tokens: TokensRecipe = TokensRecipe()
    model: ModelRecipe
    streaming: StreamingRecipe | None = None
    training: TrainingRecipe = TrainingRecipe()
    trainer: TrainerRecipe = TrainerRecipe()
    loggers: list[Annotated[LoggerRecipe, BeforeValidator(named)]] = [LoggerRecipe(name="tensorboard")]

    @model_validator(mode="after")
    def changes_no_sound_that_is_kept_as_features(self) -> Recipe:
        members = ", ".join([*(["joined"] if self.augment.joined else []), *self.augment.sound_members()])
        if members and self.data.cache_kind == "features":
            raise ValueError(
                f"data.cache_kind features keeps no sounds that augment could change ({members}): take waveform, or none of them"
            )
        return self


def load_recipe(path: str | Path, overrides: list[str] | None = None) -> Recipe:
    """Read a YAML recipe and apply `--set` overrides such as "training.max_epochs=5".

    Raises:
        RecipeError: the file is missing or no YAML mapping, or keys or values are wrong; all of them are named at once.
    """
    import yaml

    path = Path(path)
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecipeError(f"There is no recipe {path}.", "See the folder recipes/ for those that exist.") from None
    except (OSError, UnicodeDecodeError, RecursionError, yaml.YAMLError) as error:
        raise RecipeError(f"The recipe {path} is not readable YAML: {' '.join(str(error).split())}.") from None
    if not isinstance(data, dict):
        raise RecipeError(f"The recipe {path} is not a mapping of keys to values.")
    for override in overrides or []:
        apply_override(data, override)
    return check_recipe(data, str(path))


def apply_override(data: dict[str, Any], override: str) -> None:
    """Set one dotted key in `data`; the value is read as YAML."""
    import yaml

    key, separator, value = override.partition("=")
    if not separator or not key:
        raise RecipeError(f"--set {override} is not of the form key.key=value.", "Example: --set training.max_epochs=5")
    *parents, last = key.split(".")
    for parent in parents:
        child = data.get(parent)
        if child is None:  # also a section whose keys are all left out
            child = data[parent] = {}
        if not isinstance(child, dict):
            raise RecipeError(f"--set {override}: {parent!r} is no section of the recipe.")
        data = child
    try:
        data[last] = yaml.safe_load(value)
    except yaml.YAMLError:
        raise RecipeError(f"--set {override}: the value {value!r} is not readable.") from None


def check_recipe(data: dict[str, Any], source: str) -> Recipe:
    """A checked recipe from plain data; RecipeError names every wrong key and value by its path."""
    try:
        return Recipe.model_validate(data)
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, item['loc'])) or 'recipe'}: {describe(item)}" for item in error.errors()]
        raise RecipeError(f"The recipe {source} has {len(problems)} mistakes: {'; '.join(problems)}.") from None


def describe(problem: Any) -> str:
    """One of pydantic's findings as a phrase."""
    if problem["type"] == "extra_forbidden":
        return "no such key"
    if problem["type"] == "missing":
        return "is missing"
    if problem["type"] == "model_type":
        return f"is a section of keys and values (it is {problem['input']!r})"
    if problem["type"] == "union_tag_not_found":
        return "needs the key 'kind'"
    said = str(problem["msg"]).removeprefix("Value error, ")
    return f"{said} (it is {problem['input']!r})" if problem["loc"] else said

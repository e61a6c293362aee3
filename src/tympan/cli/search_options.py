"""The options of the search that `transcribe` and `evaluate` share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tympan.errors import TympanError

if TYPE_CHECKING:
    from tympan.decoding import SearchOptions

LIVE_BEAM_SIZE, LIVE_BEAM_THRESHOLD = 100, 10.0  # narrower than for files, so that nobody waits

Scorer = Annotated[
    str | None,
    typer.Option("--scorer", help="A scorer, or 'none' for greedy decoding; default the model's own.", metavar="FILE|none"),
]
HotWords = Annotated[
    list[str] | None,
    typer.Option(
        "--hot-word", help="A word or phrase to listen for, with a weight: 'kubernetes:8'. May be given often.", metavar="TEXT[:W]"
    ),
]
BeamSize = Annotated[int | None, typer.Option("--beam-size", help="Hypotheses kept in the search.", min=1, max=100_000, show_default=False)]
BeamThreshold = Annotated[
    float | None, typer.Option("--beam-threshold", help="Worse hypotheses are dropped (natural log).", min=0.01, show_default=False)
]
LMWeight = Annotated[float | None, typer.Option("--lm-weight", help="Weight of the n-gram; default the scorer's.", show_default=False)]
WordScore = Annotated[float | None, typer.Option("--word-score", help="Added for each word; default the scorer's.", show_default=False)]
OpenVocabulary = Annotated[bool, typer.Option("--open-vocabulary", help="Write words outside the scorer's lexicon too.")]

Rescore = Annotated[
    Path | None,
    typer.Option("--rescore", help="A neural language model (`tympan lm train`) that looks at the n-best list.", show_default=False),
]
RescoreWeight = Annotated[
    float | None, typer.Option("--rescore-weight", help="Its weight; 0 for none; default the model's.", show_default=False)
]
RescoreTokenScore = Annotated[
    float | None, typer.Option("--rescore-token-score", help="Added for each of its tokens; default the model's.", show_default=False)
]
RescoreNbest = Annotated[
    int | None, typer.Option("--rescore-nbest", help="Hypotheses it looks at; default 50.", min=1, max=100_000, show_default=False)
]

Fuse = Annotated[
    Path | None,
    typer.Option(
        "--fuse", help="A neural language model over the model's tokens, asked at every token; not for CTC models.", show_default=False
    ),
]
FuseWeight = Annotated[float | None, typer.Option("--fuse-weight", help="Its weight; default 0.3.", show_default=False)]
FuseTokenScore = Annotated[
    float | None, typer.Option("--fuse-token-score", help="Added for each token, against its liking for short texts.", show_default=False)
]


@dataclass(frozen=True)
class Rescoring:
    """The options of a rescoring; TympanError if some were given without a model.

    Attributes:
        model: the file, or None.
        weight, token_score, nbest: None for a default.
    """

    model: Path | None = None
    weight: float | None = None
    token_score: float | None = None
    nbest: int | None = None

    def __post_init__(self) -> None:
        if self.model is None and self.given():
            raise TympanError(
                f"--{next(iter(self.given())).replace('_', '-')} has no effect without --rescore.", "Give a model: --rescore X.nlm"
            )

    def given(self) -> dict[str, float]:
        """Those that are not None, by their name in `SearchOptions`."""
        numbers = {"rescore_weight": self.weight, "rescore_token_score": self.token_score, "rescore_nbest": self.nbest}
        return {name: number for name, number in numbers.items() if number is not None}


@dataclass(frozen=True)
class Fusing:
    """The options of a neural language model in the search; TympanError if some were given without a model.

    Attributes:
        model: the file, or None.
        weight, token_score: None for a default.
    """

    model: Path | None = None
    weight: float | None = None
    token_score: float | None = None

    def __post_init__(self) -> None:
        if self.model is None and self.given():
            raise TympanError(f"--{next(iter(self.given())).replace('_', '-')} has no effect without --fuse.", "Give a model: --fuse X.nlm")

    def given(self) -> dict[str, float]:
        """Those that are not None, by their name in `SearchOptions`."""
        numbers = {"fuse_weight": self.weight, "fuse_token_score": self.token_score}
        return {name: number for name, number in numbers.items() if number is not None}


def load_options(
    model: str,
    threads: int,
    scorer: str | None,
    hot_words: list[str] | None,
    beam_size: int | None,
    beam_threshold: float | None,
    lm_weight: float | None,
    word_score: float | None,
    open_vocabulary: bool,
    rescoring: Rescoring,
    fusing: Fusing,
) -> dict[str, Any]:
    """These options as the arguments of `tympan.recognizer.load`; None leaves a default."""
    from tympan.decoding import SearchOptions

    search = search_options(hot_words, beam_size, beam_threshold, lm_weight, word_score, open_vocabulary)
    if neural := {**rescoring.given(), **fusing.given()}:
        search = replace(search or SearchOptions(), **neural)  # type: ignore[arg-type]
    where = scorer if scorer in (None, "none") else Path(scorer)
    paths = {"scorer": where, "rescore": rescoring.model, "fuse": fusing.model}
    return {"path_or_name": model, "threads": threads, "search": search, **paths}


def hot_word_counts(fired: Mapping[str, int]) -> str:
    """How often each hot word fired, in a line."""
    times = {word: "never" if not count else "fired once" if count == 1 else f"fired {count} times" for word, count in fired.items()}
    return "hot words: " + ", ".join(f"{word} {often}" for word, often in times.items())


def search_options(
    hot_words: list[str] | None,
    beam_size: int | None,
    beam_threshold: float | None,
    lm_weight: float | None,
    word_score: float | None,
    open_vocabulary: bool,
) -> SearchOptions | None:
    """The options that were given over the defaults; None if none was, so that a model without a scorer decodes greedily."""
    from tympan.decoding import SearchOptions

    numbers = {"beam_size": beam_size, "beam_threshold": beam_threshold, "lm_weight": lm_weight, "word_score": word_score}
    given: dict[str, float] = {name: number for name, number in numbers.items() if number is not None}
    if not given and not hot_words and not open_vocabulary:
        return None
    return SearchOptions(**given, hot_words=parse_hot_words(hot_words or []), lexicon=not open_vocabulary)  # type: ignore[arg-type]


def parse_hot_words(given: list[str]) -> dict[str, float]:
    """`kubernetes:8` -> {"kubernetes": 8.0}; without a weight HOT_WORD_WEIGHT.

    Raises:
        TympanError: no word, or a weight that is no number.
    """
    from tympan.decoding.options import HOT_WORD_WEIGHT

    found: dict[str, float] = {}
    for item in given:
        text, separator, weight = item.rpartition(":")
        if not separator:
            text, weight = item, str(HOT_WORD_WEIGHT)
        text = " ".join(text.split())
        try:
            found[text] = float(weight)
        except ValueError:
            raise TympanError(f"--hot-word {item}: the weight {weight!r} is no number.", "Example: --hot-word 'kubernetes:8'") from None
        if not text:
            raise TympanError(f"--hot-word {item}: there is no word.", "Example: --hot-word 'kubernetes:8'")
    return found

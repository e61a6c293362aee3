"""From a bundle and audio to a transcript."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tympan import audio, features
from tympan.bundle import Bundle
from tympan.decoding import Hypothesis, Rescorer, SearchOptions, word_spans
from tympan.engines import CTCEngine, Decoder, open_engine
from tympan.errors import BundleError, RecipeError, TympanError
from tympan.lm import NeuralLM, Scorer
from tympan.transcript import Segment, Transcript, Word

if TYPE_CHECKING:
    from tympan.streaming import PieceStream, Stream, StreamOptions

MODELS = Path(__file__).parent / "assets"
DEFAULT_MODEL = "english"
MAX_SEGMENT_S = 20.0  # longest piece given to the network at once; it bounds the memory
NO_SCORER = "none"


@dataclass(frozen=True)
class Piece:
    """A stretch of a recording that was decoded at once.

    Attributes:
        start, end: seconds from the beginning of the recording.
        hypotheses: best first, with the frames of their tokens; empty if nothing was heard.
    """

    start: float
    end: float
    hypotheses: tuple[Hypothesis, ...]


def installed_models() -> list[str]:
    """Names of the models inside the package."""
    return sorted(path.stem for path in MODELS.glob("*.tympan"))


def load(
    path_or_name: str | Path = DEFAULT_MODEL,
    *,
    threads: int = 0,
    scorer: Scorer | str | Path | None = None,
    beam_size: int | None = None,
    hot_words: Mapping[str, float] | None = None,
    lm_weight: float | None = None,
    word_score: float | None = None,
    search: SearchOptions | None = None,
    rescore: NeuralLM | str | Path | None = None,
    fuse: NeuralLM | str | Path | None = None,
) -> Recognizer:
    """Open a model.

    Args:
        path_or_name: a .tympan file, or the name of a model inside the package.
        threads: for the network; 0 takes all cores.
        scorer, beam_size, hot_words, lm_weight, word_score, search, rescore, fuse: as of `Recognizer`.

    Raises:
        BundleError: there is no such file or name, or the file is not a usable bundle.
        LMError, TokenError: the scorer cannot be used.

    >>> recognizer = load("english")  # doctest: +SKIP
    >>> recognizer.transcribe("talk.mp3").text  # doctest: +SKIP
    """
    return Recognizer(
        Bundle.open(find_bundle(path_or_name)),
        threads=threads,
        scorer=scorer,
        beam_size=beam_size,
        hot_words=hot_words,
        lm_weight=lm_weight,
        word_score=word_score,
        search=search,
        rescore=rescore,
        fuse=fuse,
    )


def find_bundle(path_or_name: str | Path) -> Path:
    """The file of a model: a path as it is, a name of a model inside the package; BundleError if it is neither."""
    name = str(path_or_name)
    path = Path(path_or_name)
    if not path.exists() and name in installed_models():
        path = MODELS / f"{name}.tympan"
    elif not path.exists() and path.suffix != ".tympan":
        raise BundleError(
            f"There is no file {name} and no model of that name inside the package.",
            f"Inside are: {', '.join(installed_models()) or 'none'}.",
        )
    return path


class Recognizer:
    """A model ready to transcribe; safe to share among threads.

    Whole:  transcript = recognizer.transcribe("talk.mp3")
    Stream: stream = recognizer.stream(); stream.accept(packet, 48000); stream.partial(); stream.finals(); stream.finish()

    With a scorer, a beam size, hot words or options of the search it searches; else CTC models and transducers take the best
    token of each frame (greedy). Models of other families always search.

    Args:
        bundle: the model.
        threads: for the network; 0 takes all cores.
        scorer: a scorer or its file; "none" for none; None for the model's own, which lies inside the bundle or beside it.
        beam_size: hypotheses kept in the search; None takes that of `search`.
        hot_words: word or phrase in any case -> weight; None takes those of `search`.
        lm_weight, word_score: None takes those of `search`, and these are the scorer's if they are None.
        search: all options of the search.
        rescore: a neural language model or its file, which has a second look at the n-best list of each piece; the search then
            does not recombine. With weights of 0 it has no effect.
        fuse: a neural language model or its file, over the same tokens, which the search asks at every token; not for CTC.

    Raises:
        BundleError: the bundle's graph or front end cannot be used, or a model of phones has no scorer.
        LMError, TokenError: the scorer is damaged or was made for other tokens, or a hot word cannot be spelled.
        TympanError: an option of the search is out of its range, or weights of a scorer are given and there is none.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        threads: int = 0,
        scorer: Scorer | str | Path | None = None,
        beam_size: int | None = None,
        hot_words: Mapping[str, float] | None = None,
        lm_weight: float | None = None,
        word_score: float | None = None,
        search: SearchOptions | None = None,
        rescore: NeuralLM | str | Path | None = None,
        fuse: NeuralLM | str | Path | None = None,
    ) -> None:
        self.bundle = bundle
        self.scorer = find_scorer(bundle, scorer)
        options = {"beam_size": beam_size, "hot_words": hot_words, "lm_weight": lm_weight, "word_score": word_score}
        given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
        searches = bool(
            self.scorer is not None or search is not None or beam_size is not None or hot_words or rescore is not None or fuse is not None
        )
        self.search = replace(search or SearchOptions(), **given).fitted(bundle.tokens, self.scorer, bundle.family)
        if self.scorer is None and (self.search.lm_weight is not None or self.search.word_score is not None):
            raise TympanError(
                f"{bundle.path} is used without a scorer, so lm_weight and word_score have no effect.", "Give a scorer, or leave them out."
            )
        if fuse is not None and rescore is not None:
            raise TympanError("A neural language model can be fused or rescore, and both were asked for.", "Leave one of them out.")
        self.rescorer = find_rescorer(bundle, self.scorer, self.search, rescore)
        if self.rescorer is not None:  # texts that the n-gram cannot tell apart are what the second opinion is for
            self.search = replace(self.search, recombine=False)
        try:
            self.extractor = features.from_config(bundle.features)
            self.normalization = features.Normalization.from_config(bundle.normalization)
        except RecipeError as error:
            raise BundleError(f"{bundle.path}: {error}", "A newer Tympan may know this front end.") from None
        neural = None if fuse is None else self.search.token_fusion(open_lm(fuse), bundle.tokens)
        self.engine = open_engine(bundle, threads, self.search, self.scorer, greedy=not searches, neural=neural)
        self.neural = neural
        self.session = self.engine.session

    @property
    def decoder(self) -> Decoder | None:
        """The search; None for greedy decoding."""
        return self.engine.decoder

    @property
    def sample_rate(self) -> int:
        """Hz that the model works at; other rates are resampled."""
        return self.extractor.sample_rate

    def transcribe(self, source: Any, sample_rate: int | None = None) -> Transcript:
        """Transcribe a recording of any length in bounded memory.

        Args:
            source: a path, bytes, a binary file, or an array (N,) or (N, channels).
            sample_rate: Hz of an array; no effect on files, which say it themselves.

        Returns:
            The transcript; word times in seconds from the start of the recording.

        Raises:
            AudioError: the recording cannot be read.
        """
        return self.transcript(self.decoded(source, sample_rate))

    def with_hot_words(self, hot_words: Mapping[str, float]) -> Recognizer:
        """The same, with these hot words in place of its own: it shares the network, and only the search is another.

        Raises:
            TokenError, TympanError: a hot word cannot be spelled, or the family's search knows none.
        """
        other = copy(self)
        other.search = replace(self.search, hot_words=dict(hot_words)).fitted(self.bundle.tokens, self.scorer, self.bundle.family)
        if isinstance(self.engine, CTCEngine):
            other.engine = copy(self.engine)
            other.engine.decoder = other.search.decoder(self.bundle.tokens, self.scorer)
        return other

    @property
    def streams(self) -> str:
        """How streams hear: in "chunks", exactly and at a constant cost; in "windows" that overlap; or in "pieces" when each ends."""
        from tympan.streaming import StreamOptions, hearing_of

        kind = hearing_of(self, StreamOptions())
        return "pieces" if kind is None else kind.name

    def stream(self, options: StreamOptions | None = None, *, keep: bool = True) -> Stream | PieceStream:
        """Begin to hear audio that comes in packets; any number of streams may share the recogniser.

        Args:
            options: chunk, endpoints, stability; None for the defaults.
            keep: remember the pieces that are done for `finish`; without it an endless stream needs no more memory.
        """
        from tympan.streaming import open_stream

        return open_stream(self, options, keep=keep)

    def transcript(self, pieces: Iterable[Piece]) -> Transcript:
        """Decoded pieces, in order, as a transcript."""
        segments: list[Segment] = []
        fired: Counter[str] = Counter()
        duration = 0.0
        for piece in pieces:
            duration = piece.end
            if not piece.hypotheses:
                continue
            fired.update(piece.hypotheses[0].hot_words)
            if words := self.words(piece.hypotheses[0], piece.start, piece.end):
                segments.append(Segment(" ".join(word.text for word in words), words[0].start, words[-1].end, words))
        text = " ".join(segment.text for segment in segments)
        counts = {word: fired[word] for word in self.search.hot_words}
        return Transcript(text=text, segments=tuple(segments), duration=duration, language=self.bundle.language or None, hot_words=counts)

    def decoded(self, source: Any, sample_rate: int | None = None, nbest: int = 1) -> Iterator[Piece]:
        """As `transcribe`, piece by piece, with the hypotheses and their scores.

        Args:
            nbest: hypotheses a piece, at most; greedy decoding gives one.
        """
        for piece in self.pieces(source, sample_rate):
            end = piece.start_s + len(piece.samples) / self.sample_rate
            samples = audio.without_dead_tail(piece.samples)
            yield Piece(piece.start_s, end, tuple(self.decode(self.emit(samples), nbest)) if len(samples) else ())

    def decode(self, emitted: Any, nbest: int = 1) -> list[Hypothesis]:
        """What `emit` gave, or `log_probs` -> hypotheses, best first, with the frames of their tokens; none for no frames."""
        if not len(emitted):
            return []
        found = self.engine.search(emitted, nbest if self.rescorer is None else max(nbest, self.rescorer.nbest))
        if self.rescorer is not None:
            found = self.rescorer(found)[:nbest]
        return [self.engine.place(emitted, hypothesis) for hypothesis in found]

    def pieces(self, source: Any, sample_rate: int | None) -> Iterator[audio.AudioSegment]:
        """The recording at the model's rate, cut at pauses."""
        blocks = audio.blocks(source, self.sample_rate, source_rate=sample_rate)
        return audio.segments(blocks, self.sample_rate, max_s=MAX_SEGMENT_S)

    def emit(self, samples: npt.NDArray[np.float32]) -> Any:
        """(N,) samples at `sample_rate` -> what the family's search works on; without length if the samples do not fill one frame."""
        return self.engine.emit(self.normalization(self.extractor(samples)))

    def log_probs(self, samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """(N,) samples at `sample_rate` -> (T', V) natural log; T' = 0 if the samples do not fill one frame.

        Raises:
            BundleError: the model is of another family than CTC, which has no such log_probs.
        """
        if self.bundle.family != "ctc":
            raise BundleError(
                f"{self.bundle.path} is a model of family {self.bundle.family}, and this needs log_probs by frames.", "Give a CTC model."
            )
        log_probs: npt.NDArray[np.float32] = self.emit(samples)
        return log_probs

    def search_settings(self) -> dict[str, Any]:
        """How texts are found, as plain values for a report; `describe_search` says it in a line."""
        if self.decoder is None:
            return {"decoder": "greedy"}
        settings: dict[str, Any] = {**self.engine.settings(), "hot_words": dict(self.search.hot_words), "scorer": None}
        if self.rescorer is not None:
            rescorer = self.rescorer
            settings["rescore"] = rescorer.lm.name
            settings |= {"rescore_weight": rescorer.weight, "rescore_token_score": rescorer.token_score, "rescore_nbest": rescorer.nbest}
        if self.neural is not None:
            settings |= self.neural.settings()
        if self.scorer is None:
            return settings
        name = self.scorer.path.name if self.scorer.path else "in memory"
        weights = {"lm_weight": self.decoder.lm_weight, "word_score": self.decoder.word_score}
        return {**settings, "scorer": name, **weights, "lexicon": self.search.lexicon}

    def describe_search(self) -> str:
        """How texts are found, in a line."""
        settings = self.search_settings()
        if self.decoder is None:
            return "greedy"
        kind = "" if settings["decoder"] == "beam" else f"{settings['decoder']}, "
        search = f"{kind}beam size {settings['beam_size']}, threshold {settings['beam_threshold']:g}"
        again = ""
        if self.rescorer is not None:
            again = f", {settings['rescore_nbest']} best rescored by {settings['rescore']}, rescore_weight {settings['rescore_weight']:g}"
        if self.neural is not None:
            again = f", {settings['fuse']} fused, fuse_weight {settings['fuse_weight']:g}"
        if self.scorer is None:
            return f"{search}, no scorer{again}"
        weights = f"lm_weight {settings['lm_weight']:g}, word_score {settings['word_score']:g}"
        return f"{search}, scorer {settings['scorer']}, {weights}{'' if settings['lexicon'] else ', open vocabulary'}{again}"

    def words(self, hypothesis: Hypothesis, start_s: float, end_s: float) -> tuple[Word, ...]:
        """Words with times within [start_s, end_s]; confidence is the geometric mean of the tokens' probabilities.

        The network's last frame may reach beyond the audio, where its input was padded: such a word ends with the audio. One that
        would begin there takes its share of the audio as all others do, so that every word lasts.
        """
        spans = word_spans(hypothesis, self.bundle.tokens)
        shift = self.bundle.frame_shift_s
        if spans and hypothesis.timesteps[spans[-1].first] * shift >= end_s - start_s:
            shift = (end_s - start_s) / hypothesis.ends[spans[-1].end - 1]
        words = []
        for span in spans:
            start = min(start_s + hypothesis.timesteps[span.first] * shift, end_s)
            end = min(start_s + hypothesis.ends[span.end - 1] * shift, end_s)
            confidence = float(np.exp(np.mean(hypothesis.token_log_probs[span.first : span.end])))
            words.append(Word(span.text, start, end, min(1.0, confidence)))
        return tuple(words)


def find_scorer(bundle: Bundle, scorer: Scorer | str | Path | None, *, needed: bool = True) -> Scorer | None:
    """The scorer that was asked for, or the model's own; checked against its tokens.

    Args:
        bundle: the model.
        scorer: as of `Recognizer`.
        needed: let it be an error if a model of phones has none.

    Raises:
        BundleError: a model of phones has none.
        LMError, TokenError: it is damaged, or made for other tokens.
    """
    found: Scorer | None = None
    beside = bundle.path.with_suffix(".scorer")
    if isinstance(scorer, Scorer):
        found = scorer
    elif scorer is not None:
        found = None if str(scorer) == NO_SCORER else Scorer.open(scorer)
    elif bundle.scorer is not None:
        path, offset, length = bundle.scorer
        found = Scorer.open(path, offset=offset, length=length)
    elif beside.is_file():
        found = Scorer.open(beside)
    if found is not None:
        found.check_tokens(bundle.tokens.tokens)
    elif needed and scorer is None and bundle.tokens.kind == "phones":
        raise BundleError(
            f"{bundle.path} gives phones, and has no scorer inside or beside it that makes words of them.",
            f"Give one by --scorer, or 'none' for the phones themselves; {beside} would be found.",
        )
    return found


def open_lm(lm: NeuralLM | str | Path) -> NeuralLM:
    """A language model or its file; LMError if it is damaged."""
    return lm if isinstance(lm, NeuralLM) else NeuralLM.open(lm)


def find_rescorer(bundle: Bundle, scorer: Scorer | None, search: SearchOptions, lm: NeuralLM | str | Path | None) -> Rescorer | None:
    """The rescoring that was asked for; None for none, or where its weights are 0.

    Raises:
        LMError, TokenError: the language model is damaged, or its tokens cannot spell what the search may write.
    """
    if lm is None:
        return None
    rescorer = search.rescorer(open_lm(lm), bundle.tokens, scorer)
    return rescorer if rescorer.weight or rescorer.token_score else None

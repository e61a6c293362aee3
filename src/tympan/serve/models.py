"""The models of a server by name, and how they are exchanged while streams go on."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tympan.errors import TympanError
from tympan.recognizer import Recognizer
from tympan.streaming import HearingKind, PieceStream, Stream, StreamOptions, hearing_of

HOT_LISTS = 32  # of hot words, whose searches are kept ready


@dataclass
class Loaded:
    """A model in use.

    Attributes:
        recognizer: for streams, whose network runs on the thread that asks.
        kinds: how its streams hear, by the lengths of chunks that were asked for; streams of one kind share batches.
        hot: recognisers with hot words, the most recently used last.
    """

    recognizer: Recognizer
    kinds: dict[tuple[float, float], HearingKind | None] = field(default_factory=dict)
    hot: OrderedDict[tuple[tuple[str, float], ...], Recognizer] = field(default_factory=OrderedDict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def recognizer_with(self, hot_words: Mapping[str, float]) -> Recognizer:
        """Its recogniser, or one with hot words."""
        if not hot_words:
            return self.recognizer
        key = tuple(sorted(hot_words.items()))
        with self.lock:
            found = self.hot.get(key)
        made = found or self.recognizer.with_hot_words(hot_words)  # takes a while, in which the lock must not be held: others open streams
        with self.lock:
            self.hot[key] = made
            self.hot.move_to_end(key)
            if len(self.hot) > HOT_LISTS:
                self.hot.popitem(last=False)
        return made

    def stream(self, options: StreamOptions, hot_words: Mapping[str, float]) -> Stream | PieceStream:
        """A stream; it remembers no finals."""
        recognizer = self.recognizer_with(hot_words)
        with self.lock:
            chunks = (options.chunk_s, options.first_chunk_s)
            if chunks not in self.kinds:
                made = hearing_of(self.recognizer, options)
                self.kinds[chunks] = next((kind for kind in self.kinds.values() if alike(kind, made)), made)
            kind = self.kinds[chunks]
        if kind is None:
            return PieceStream(recognizer, options, keep=False)
        return Stream(recognizer, kind, options, keep=False)


def alike(one: HearingKind | None, other: HearingKind | None) -> bool:
    """Whether they hear in the same way, as most wishes for lengths of chunks come to one of a few."""
    return one is not None and other is not None and (one.name, one.sizes) == (other.name, other.sizes)


class Models:
    """Models by name; the first is the default.

    Args:
        openers: name -> what opens it; called again for a reload.

    Raises:
        TympanError: none, or one cannot be opened.
    """

    def __init__(self, openers: Mapping[str, Callable[[], Recognizer]]) -> None:
        if not openers:
            raise TympanError("A server needs a model.", "Give one: --model NAME=PATH")
        self.openers = dict(openers)
        self.loaded = {name: Loaded(opener()) for name, opener in self.openers.items()}
        self.default = next(iter(self.loaded))

    def find(self, name: str | None) -> Loaded:
        """The model of that name, None the default; TympanError names those that there are."""
        if name is None:
            return self.loaded[self.default]
        if name not in self.loaded:
            raise TympanError(f"There is no model {name[:80]!r} here.", f"There are: {', '.join(self.loaded)}.")
        return self.loaded[name]

    def reload(self) -> list[str]:
        """Open all models again; streams that are under way keep theirs. Sentences about those that failed, which stay as they were."""
        failed = []
        for name, opener in self.openers.items():
            try:
                self.loaded[name] = Loaded(opener())
            except TympanError as error:
                failed.append(f"The model {name} was not reloaded: {error}")
        return failed

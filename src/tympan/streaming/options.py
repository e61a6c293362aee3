"""How a stream hears and where it ends its pieces."""

from __future__ import annotations

from dataclasses import dataclass

from tympan.errors import TympanError

CHUNK_S, FIRST_CHUNK_S = 0.32, 0.16
LONGEST_S = 60.0


@dataclass(frozen=True)
class StreamOptions:
    """Options of a stream; times in seconds of audio.

    The delay of a word is the rest of its chunk, what the network looks ahead (nothing where it hears chunks), and computing; a final
    comes `endpoint_s` later, rounded up to whole chunks.

    Attributes:
        chunk_s: heard at a time; rounded to one of the lengths that the network was trained with.
        first_chunk_s: the same where speech begins, until its first word is shown; at most `chunk_s`.
        endpoint_s: silence after words that ends a piece.
        nothing_s: silence after which what was searched so far is forgotten, if it has no words.
        longest_s: a piece is cut in its longest pause before it gets longer.
        steady_s: words of a partial are shown once they stood that long; the first of a piece at once, and stable ones.
        stable_s: words that stood that long, and those before them, never change again; infinity for none.
        partials: whether there are partials at all; without them nothing is stable before it is final.
        second_pass: hear each piece whole once more when it ends: its final is what a file's would be, and later by the time that takes.
            No word of a partial is stable then. For models that hear chunks; the others hear whole stretches anyway.

    Raises:
        TympanError: a time is out of its range; all of them are named.
    """

    chunk_s: float = CHUNK_S
    first_chunk_s: float = FIRST_CHUNK_S
    endpoint_s: float = 0.6
    nothing_s: float = 2.4
    longest_s: float = 20.0
    steady_s: float = 0.16
    stable_s: float = 1.0
    partials: bool = True
    second_pass: bool = False

    def __post_init__(self) -> None:
        ranges = {"chunk_s": (0.01, 5.0), "first_chunk_s": (0.01, 5.0), "endpoint_s": (0.1, 60.0), "nothing_s": (0.5, 600.0)}
        ranges["longest_s"] = (2.0, LONGEST_S)
        wrong = [
            f"{name} is {getattr(self, name)}, but must be from {low:g} to {high:g}"
            for name, (low, high) in ranges.items()
            if not low <= getattr(self, name) <= high
        ]
        for name in ("steady_s", "stable_s"):  # infinity is allowed
            if not getattr(self, name) >= 0:
                wrong.append(f"{name} is {getattr(self, name)}, but must be at least 0")
        if wrong:
            raise TympanError(f"Options of the stream: {'; '.join(wrong)}.")

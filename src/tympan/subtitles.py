"""Words with times -> subtitles that can be read in the time they stand, as SubRip (srt) or WebVTT (vtt)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tympan.transcript import Word

# As broadcasters ask for them (BBC subtitle guidelines, Netflix timed text style guide: 42 signs, two lines, up to 7 s).
LINE_LENGTH = 42
CUE_LINES = 2
CUE_LONGEST_S = 6.0
CUE_SHORTEST_S = 1.0  # a cue stays as long, if the next one leaves it the time
CUE_PAUSE_S = 0.6  # a pause from here on begins a new cue


def srt(segments: Iterable[Sequence[Word]], duration: float) -> str:
    """Write SubRip: numbered cues, times with a comma."""
    return "\n".join(f"{i}\n{_clock(cue, ',')}\n{_text(cue)}\n" for i, cue in enumerate(cues(segments, duration), 1))


def vtt(segments: Iterable[Sequence[Word]], duration: float) -> str:
    """Write WebVTT: a head line, times with a point, and &, <, > escaped."""
    return "\n".join(["WEBVTT\n", *(f"{_clock(cue, '.')}\n{_escaped(_text(cue))}\n" for cue in cues(segments, duration))])


def one_line(text: str) -> str:
    """Text without line ends or double spaces."""
    return " ".join(text.split())


@dataclass(frozen=True)
class Cue:
    """A subtitle: milliseconds from the beginning, and one or two lines."""

    start_ms: int
    end_ms: int
    lines: tuple[str, ...]


def cues(segments: Iterable[Sequence[Word]], duration: float) -> list[Cue]:
    """Group the words of each segment into subtitles.

    A cue ends at the end of its segment, before a pause, before its third line, and before it lasts longer than 6 s. Cues are in
    order and never overlap; a line is longer than 42 signs only if it is one single word.
    """
    groups = [group for words in segments for group in _groups(words)]
    found: list[Cue] = []
    free_ms = 0  # where the cue before ended: words that overlap must not make cues that do
    for i, group in enumerate(groups):
        start = max(free_ms, round(group[0].start * 1000))
        end = max(start, round(max(word.end for word in group) * 1000))
        if i + 1 < len(groups):
            following = max(start, round(groups[i + 1][0].start * 1000))
            end = min(end, following)
        else:
            following = max(end, round(duration * 1000))
        end = max(end, min(following, start + round(CUE_SHORTEST_S * 1000)))
        found.append(Cue(start, end, _balanced([one_line(word.text) for word in group])))
        free_ms = end
    return found


def _groups(words: Sequence[Word]) -> Iterator[list[Word]]:
    group: list[Word] = []
    for word in words:
        if group and (
            word.start - group[-1].end >= CUE_PAUSE_S
            or word.end - group[0].start > CUE_LONGEST_S
            or len(_wrapped([one_line(each.text) for each in (*group, word)])) > CUE_LINES
        ):
            yield group
            group = []
        group.append(word)
    if group:
        yield group


def _wrapped(words: Sequence[str]) -> list[str]:
    lines: list[str] = []
    for word in words:
        if lines and len(lines[-1]) + 1 + len(word) <= LINE_LENGTH:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _balanced(words: Sequence[str]) -> tuple[str, ...]:
    """One line if it fits, else two that are about as long as each other: easier to read than a full one and a scrap."""
    if len(_wrapped(words)) < 2:
        return (" ".join(words),)
    splits = [(" ".join(words[:i]), " ".join(words[i:])) for i in range(1, len(words))]
    return min(splits, key=lambda lines: max(len(lines[0]), len(lines[1])))


def _text(cue: Cue) -> str:
    return "\n".join(cue.lines)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")  # WebVTT, section 4.2.2


def _clock(cue: Cue, point: str) -> str:
    def stamp(ms: int) -> str:
        return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}{point}{ms % 1000:03d}"

    return f"{stamp(cue.start_ms)} --> {stamp(cue.end_ms)}"

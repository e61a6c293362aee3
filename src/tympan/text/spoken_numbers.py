"""English number words -> digits, as people write them: the way back from `tympan.text.numbers`.

    words -> at each place the longest of: digits one by one, decimal, year, clock, ordinal, cardinal -> pieces

    number   = group scale { group scale } [ ["and"] group ]       scales fall: million, thousand
    group    = small "hundred" [ ["and"] small ] | small           small = 1 to 99
    year     = ten..twenty (ten..ninety nine | "oh" one..nine)     nineteen eighty four, eighteen oh five
    decimal  = (number | digits) { "point" digit { digit } }
    digits   = digit digit digit { digit }                         three or more: five five five one two

Numbers below ten stay words, as printed books have it, but not before a unit of measure, before a larger number, or as one digit of
several. What could be two things is left as it was heard: *ten thirty* is a time or two numbers, and becomes 10 30.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


def listed(words: str) -> list[str]:
    """The words of a long list, which is easier to read without a hundred quotation marks."""
    return words.split()


UNITS = {word: i for i, word in enumerate(listed("one two three four five six seven eight nine"), start=1)}
TEENS = {
    word: i for i, word in enumerate(listed("ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"), start=10)
}
TENS = {word: 10 * i for i, word in enumerate(listed("twenty thirty forty fifty sixty seventy eighty ninety"), start=2)}
SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
DIGITS = {"zero": "0", "oh": "0", **{word: str(value) for word, value in UNITS.items()}}
DECADES = {f"{word[:-1]}ies": value for word, value in TENS.items()}
ORDINALS = {
    "first": "one",
    "second": "two",
    "third": "three",
    "fifth": "five",
    "eighth": "eight",
    "ninth": "nine",
    "twelfth": "twelve",
    **{f"{word}th": word for word in ("four", "six", "seven", *TEENS, "hundred", *SCALES) if word != "twelve"},
    **{f"{word[:-1]}ieth": word for word in TENS},
}
NUMBER_WORDS = frozenset((*DIGITS, *TEENS, *TENS, *SCALES, *DECADES, *ORDINALS, "hundred", "hundreds"))

MEASURES = frozenset(
    listed(
        "percent degrees meters metres kilometers kilometres centimeters centimetres millimeters millimetres miles grams kilograms kilos "
        "milligrams liters litres milliliters millilitres hertz kilohertz megahertz volts watts kilowatts bytes kilobytes megabytes "
        "gigabytes terabytes dollars cents euros"
    )
)
NOT_BEFORE_A_DECIMAL = frozenset(listed("at that this any no the every which only some"))  # at one point five men came


@dataclass(frozen=True)
class Read:
    """Words as they are read.

    Attributes:
        text: what to write.
        first, end: the words that it stands for, [first, end).
    """

    text: str
    first: int
    end: int


def written_numbers(words: Sequence[str]) -> list[Read]:
    """Numbers as digits, all other words as they are; every word is in exactly one piece, in order."""
    tokens: list[str] = []
    starts: list[int] = []  # of each word, its first token; twenty-three is two tokens
    for word in words:
        starts.append(len(tokens))
        parts = word.lower().split("-")
        tokens += parts if all(part in NUMBER_WORDS for part in parts) else [word.lower()]
    starts.append(len(tokens))
    place = {start: index for index, start in enumerate(starts)}
    reader = _Reader(tokens)
    found: list[Read] = []
    while (index := found[-1].end if found else 0) < len(words):
        text, end = reader.read(starts[index])
        if text and end in place:
            found.append(Read(text, index, place[end]))
        else:
            found.append(Read(words[index], index, index + 1))
    return found


class _Reader:
    """Reads numbers in lower-case tokens. Methods give what they found and where it ends; end = start where there is nothing."""

    def __init__(self, tokens: Sequence[str]) -> None:
        self.tokens = tokens

    def at(self, index: int) -> str:
        return self.tokens[index] if 0 <= index < len(self.tokens) else ""

    def read(self, start: int) -> tuple[str, int]:
        """The number that begins here as it is written, "" for none or one that stays a word."""
        for form in (self.digits, self.decimal, self.year, self.ordinal):
            text, end = form(start)
            if text:
                return self.with_percent(text, end)
        value, end = self.cardinal(start)
        if end == start and self.at(start) == "zero":
            end = start + 1
        if end == start:
            return "", start
        if end == start + 1 and value < 10 and not self.small_in_digits(start):
            return "", start
        return self.with_percent(str(value), end)

    def small_in_digits(self, start: int) -> bool:
        """Whether a number below ten is written as a digit: before a measure, or before a larger number (eight ninety seven)."""
        if self.at(start + 1) in MEASURES or (self.at(start + 1), self.at(start + 2)) == ("per", "cent"):
            return True
        following, end = self.cardinal(start + 1)
        return self.at(start) != "one" and end > start + 1 and following >= 10  # "one" may be no number: that one ninety

    def with_percent(self, text: str, end: int) -> tuple[str, int]:
        if self.at(end) == "percent":
            return f"{text}%", end + 1
        return (f"{text}%", end + 2) if (self.at(end), self.at(end + 1)) == ("per", "cent") else (text, end)

    def digits(self, start: int) -> tuple[str, int]:
        """Three or more digits one by one, with a point perhaps. "oh" is a zero among them, but also an exclamation around them."""
        end = start
        while self.at(end) in DIGITS:
            end += 1
        if self.at(end) == "hundred" or self.at(end) in SCALES:
            end -= 1
        while end < len(self.tokens) and end > start and self.at(end - 1) == "oh":
            end -= 1
        if end - start < (4 if self.at(start) == "oh" else 3):
            return "", start
        return self.fraction("".join(DIGITS[token] for token in self.tokens[start:end]), end)

    def fraction(self, whole: str, end: int) -> tuple[str, int]:
        """What follows after points; versions and addresses have several."""
        while self.at(end) == "point" and self.at(end + 1) in DIGITS:
            whole, end = f"{whole}.", end + 1
            while self.at(end) in DIGITS:
                whole, end = whole + DIGITS[self.at(end)], end + 1
        return whole, end

    def decimal(self, start: int) -> tuple[str, int]:
        value, end = self.cardinal(start)
        if self.at(start) == "zero":
            end = start + 1
        elif end == start or (self.at(start) == "one" and self.at(start - 1) in NOT_BEFORE_A_DECIMAL):
            return "", start
        text, after = self.fraction(str(value), end)
        return (text, after) if after > end else ("", start)

    def year(self, start: int) -> tuple[str, int]:
        """Years, decades (nineteen eighties), and times that are sure to be some (ten oh five)."""
        century = TEENS.get(self.at(start), 20 if self.at(start) == "twenty" else 0)
        following = self.at(start + 1)
        if not century:
            return "", start
        if following in DECADES:
            return f"{century}{DECADES[following]}s", start + 2
        if following == "hundreds":
            return f"{century}00s", start + 2
        if following == "oh" and self.at(start + 2) in UNITS and self.at(start + 3) not in DIGITS:
            return f"{century}{':' if century <= 12 else ''}0{UNITS[self.at(start + 2)]}", start + 3
        value, end = self.small(start + 1)
        if value < 10 or self.multiplied(end) or self.at(end) in DIGITS or (century <= 12 and value < 60):
            return "", start
        if value % 10 == 0 and ORDINALS.get(self.at(end)) in UNITS:  # nineteen twenty first
            return "", start
        return f"{century}{value}", end

    def ordinal(self, start: int) -> tuple[str, int]:
        """From tenth on. A tenth and one hundredth are parts, and stay."""
        last = start
        while self.at(last) in NUMBER_WORDS - ORDINALS.keys() or (last > start and self.at(last) == "and"):
            last += 1
        if self.at(last) not in ORDINALS:
            return "", start
        value, end = _Reader([*self.tokens[start:last], ORDINALS[self.at(last)]]).cardinal(0)
        part = self.at(start - 1) in ("a", "an") or self.at(start - 1) in UNITS or (self.at(start) == "one" and last == start + 1)
        if end != last + 1 - start or value < 10 or part:
            return "", start
        ending = "th" if value % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th")
        return f"{value}{ending}", last + 1

    def cardinal(self, start: int) -> tuple[int, int]:
        if self.at(start) == "a":  # a hundred and five, but a hundred
            value, end = _Reader(["one", *self.tokens[start + 1 :]]).cardinal(0)
            return (value, start + end) if end > 2 else (0, start)
        total, end, last = 0, start, 10**15
        while True:
            joined = end > start and self.at(end) == "and"
            value, after = self.small(end + 1) if joined else self.group(end)
            scale = SCALES.get(self.at(after), 0)
            if after <= end + joined or (joined and self.at(after) == "hundred") or scale >= last or (end > start and value >= 1000):
                return total, end
            if not scale:
                return total + value, after
            if value >= 1000:  # fifteen hundred thousand
                return total, end
            total, end, last = total + value * scale, after + 1, scale

    def group(self, start: int) -> tuple[int, int]:
        """1 to 999, and fifteen hundred."""
        value, end = self.small(start)
        if self.at(end) != "hundred" or not value or (value >= 10 and value % 10 == 0):
            return value, end
        value, end = value * 100, end + 1
        rest, after = self.small(end + (self.at(end) == "and"))
        if not rest or self.at(after) == "hundred":
            return value, end
        return value + rest, after

    def small(self, start: int) -> tuple[int, int]:
        """1 to 99; 0 where there is none."""
        word = self.at(start)
        if word in TENS:
            unit = UNITS.get(self.at(start + 1), 0)
            return TENS[word] + unit, start + 1 + bool(unit)
        value = TEENS.get(word) or UNITS.get(word, 0)
        return value, start + bool(value)

    def multiplied(self, index: int) -> bool:
        return self.at(index) == "hundred" or self.at(index) in SCALES


def is_number(text: str) -> bool:
    """Whether a text was written as a number, or is an ordinal in words."""
    return text[:1].isdigit() or text.lower() in ORDINALS

"""What every member's options share: unknown keys are errors, numbers are numbers, and a range has its ends in order."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


class Section(BaseModel):
    """Options of one member; they do not change after checking."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def in_order(ends: tuple[float, float]) -> tuple[float, float]:
    """ValueError unless the lower end comes first."""
    if ends[0] > ends[1]:
        raise ValueError("the lower end comes first")
    return ends


def not_empty(names: tuple[Any, ...]) -> tuple[Any, ...]:
    """ValueError if there is nothing to draw from."""
    if not names:
        raise ValueError("is empty")
    return names


def between(low: float, high: float) -> AfterValidator:
    """A check that each number of a list or range lies within low and high."""

    def check(numbers: tuple[float, ...]) -> tuple[float, ...]:
        if wrong := [number for number in numbers if not low <= number <= high]:
            raise ValueError(f"{wrong[0]} is not between {low:g} and {high:g}")
        return numbers

    return AfterValidator(check)


# strict: "0.3" and true are no numbers, 1 is
Number: TypeAlias = Annotated[float, Field(strict=True)]
Count: TypeAlias = Annotated[int, Field(strict=True, ge=0)]
Probability: TypeAlias = Annotated[float, Field(strict=True, ge=0, le=1)]
Range: TypeAlias = Annotated[tuple[Number, Number], AfterValidator(in_order)]
"""[lowest, highest]; a value is drawn evenly between them."""

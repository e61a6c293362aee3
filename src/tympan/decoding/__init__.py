"""From log-probabilities to hypotheses."""

from tympan.decoding.greedy import greedy
from tympan.decoding.hypothesis import Hypothesis

__all__ = ["Hypothesis", "greedy"]

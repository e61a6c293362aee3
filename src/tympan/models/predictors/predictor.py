"""What every predictor promises: the tokens so far in, a vector out."""

from __future__ import annotations

import torch
from torch import nn

State = tuple[torch.Tensor, ...]


class Predictor(nn.Module):
    """Base of the predictors: what the transducer knows of the text that it has written.

    `forward(targets)` maps (B, U) int64 to (B, U + 1, P), row u after the first u tokens. `step` does the same a token at a time:

        state = predictor.start(B)
        predicted, state = predictor.step(blanks, state)      the blank is the start symbol, too
        predicted, state = predictor.step(tokens, state)      (B,) int64 -> (B, P)

    A state is a tuple of tensors whose first axis is the batch, so that states of several hypotheses can be stacked.

    Attributes:
        output_dim: P.
        num_states: tensors of a state.
    """

    output_dim: int
    num_states: int

    def start(self, batch: int) -> State:
        """The state before the start symbol."""
        raise NotImplementedError

    def step(self, tokens: torch.Tensor, state: State) -> tuple[torch.Tensor, State]:
        """(B,) and a state -> predicted (B, P) and the next state."""
        raise NotImplementedError

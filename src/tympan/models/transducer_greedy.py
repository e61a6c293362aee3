"""Greedy decoding of a batch by a torch transducer, for validations."""

from __future__ import annotations

import torch

from tympan.models.transducer import TransducerModel
from tympan.tokens import BLANK


@torch.no_grad()
def greedy_batch(model: TransducerModel, encoded: torch.Tensor, lengths: torch.Tensor, *, max_symbols: int = 5) -> list[list[int]]:
    """What `tympan.decoding.transducer_greedy` finds for each utterance alone, a frame of all of them at a time.

    Args:
        model: in evaluation mode.
        encoded: (B, T, D).
        lengths: (B,) valid frames.
        max_symbols: tokens a frame, at most.

    Returns:
        Tokens of each utterance.
    """
    batch = len(encoded)
    found: list[list[int]] = [[] for _ in range(batch)]
    blanks = torch.full((batch,), BLANK, dtype=torch.int64, device=encoded.device)
    predicted, state = model.predictor.step(blanks, model.predictor.start(batch))
    for frame in range(int(lengths.max()) if batch else 0):
        waiting = frame < lengths  # for a token of this frame
        for _ in range(max_symbols):
            best = model.joiner(encoded[:, frame], predicted).argmax(dim=-1)
            waiting = waiting & (best != BLANK)
            if not bool(waiting.any()):
                break
            after, next_state = model.predictor.step(best, state)
            predicted = torch.where(waiting[:, None], after, predicted)
            state = tuple(chosen(waiting, new, old) for new, old in zip(next_state, state, strict=True))
            for index in waiting.nonzero()[:, 0].tolist():
                found[index].append(int(best[index]))
    return found


def chosen(rows: torch.Tensor, new: torch.Tensor, old: torch.Tensor) -> torch.Tensor:
    """`new` in the rows (B,) that are true, else `old`; both (B, ...)."""
    return torch.where(rows.view(-1, *[1] * (new.ndim - 1)), new, old)

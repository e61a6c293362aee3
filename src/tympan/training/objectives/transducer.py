"""The loss of the RNN transducer: every alignment of a transcript with the frames, summed.

A cell (t, u) of the lattice stands for "u tokens written, frame t is being heard". From there the blank leads to (t + 1, u) and token
u + 1 of the transcript to (t, u + 1); the last step is the blank of (T - 1, U). With blank(t, u) and label(t, u) the log-probabilities,

    alpha(t, u) = log(exp(alpha(t - 1, u) + blank(t - 1, u)) + exp(alpha(t, u - 1) + label(t, u - 1))),    alpha(0, 0) = 0
    log P(y | x) = alpha(T - 1, U) + blank(T - 1, U)

Cells of one anti-diagonal t + u = n depend only on those of n - 1, so one step computes a diagonal of the whole batch at once.

Source: Graves 2012, arXiv:1211.3711, equations 16 to 18; diagonals as in Bagby, Rao and Sim 2018.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.utils.checkpoint import checkpoint

from tympan.errors import ShapeError
from tympan.tokens import BLANK

Join = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

# Stands for log 0: a true -inf has no gradient where two of them meet, and T + U of these still fit into float32.
NEVER = -1e30


def transducer_loss(blank: torch.Tensor, label: torch.Tensor, lengths: torch.Tensor, target_lengths: torch.Tensor) -> torch.Tensor:
    """-log P(transcript | audio) of each utterance, natural logarithm.

    Computes in float32, or in float64 if that is given. Memory: (T + U) B (U + 1) numbers, no V among the factors.

    Args:
        blank: (B, T, U + 1) log-probability of the blank in each cell.
        label: (B, T, U) log-probability of the transcript's next token in each cell.
        lengths: (B,) int64, valid frames, 1 to T.
        target_lengths: (B,) int64, tokens, 0 to U.

    Returns:
        (B,). What stands past an utterance's lengths changes neither its loss nor its gradient, even if it is no number.

    Raises:
        ShapeError: the shapes do not fit together, or an utterance has no frames or more frames or tokens than there are.
    """
    batch, frames, states = blank.shape
    check_shapes(blank, label, lengths, target_lengths)
    exact = torch.promote_types(blank.dtype, torch.float32)
    inside_frames = torch.arange(frames, device=blank.device)[None, :, None] < lengths[:, None, None]
    places = torch.arange(states, device=blank.device)
    blank = blank.to(exact).masked_fill(~(inside_frames & (places <= target_lengths[:, None, None])), NEVER)
    label = label.to(exact).masked_fill(~(inside_frames & (places[:-1] < target_lengths[:, None, None])), NEVER)
    blank, label = skewed(blank), skewed(label)  # (T + U, B, U + 1), (T + U - 1, B, U)
    alpha = blank.new_full((batch, states), NEVER)
    alpha[:, 0] = 0.0
    ends = lengths - 1 + target_lengths  # diagonal of the last cell
    final = alpha.new_full((batch,), NEVER)
    for diagonal in range(frames + states - 1):
        if diagonal:
            heard = alpha + blank[diagonal - 1]
            written = torch.nn.functional.pad(alpha[:, :-1] + label[diagonal - 1], (1, 0), value=NEVER)
            alpha = torch.logaddexp(heard, written).clamp(min=NEVER)
        last = (alpha + blank[diagonal]).gather(1, target_lengths[:, None])[:, 0]
        final = torch.where(ends == diagonal, last, final)
    return -final


def skewed(cells: torch.Tensor) -> torch.Tensor:
    """(B, T, S) -> (T + S - 1, B, S), where row n holds the cells (n - u, u) of diagonal n, and NEVER where there are none."""
    batch, frames, states = cells.shape
    if not states:
        return cells.new_full((frames, batch, 0), NEVER)
    # A row longer by one, read with the length of a row of the result, moves each state one frame further than the one before.
    rows = torch.nn.functional.pad(cells.transpose(1, 2), (0, states), value=NEVER).flatten(1)  # (B, S (T + S))
    return rows[:, : states * (frames + states - 1)].view(batch, states, frames + states - 1).permute(2, 0, 1)


def lattice_scores(
    join: Join,
    encoded: torch.Tensor,
    predicted: torch.Tensor,
    lengths: torch.Tensor,
    targets: torch.Tensor,
    target_lengths: torch.Tensor,
    *,
    chunk: int = 0,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The two log-probabilities of each cell that the loss needs, of a joiner's logits over all V tokens.

    What is kept for the gradient: with chunk 0 the joiner's own tensors and its logits, B T (U + 1) V numbers, once (log-softmax would
    keep them a second time). With chunk n, logits are made for n utterances at a time, cut to the longest of these, and made again in
    the backward pass: n T (U + 1) V numbers at the peak, for a joiner that runs twice.

    Args:
        join: (n, T, 1, D) and (n, 1, U + 1, P) -> logits (n, T, U + 1, V).
        encoded: (B, T, D).
        predicted: (B, U + 1, P), row u after u tokens.
        lengths: (B,) int64, valid frames.
        targets: (B, U) int64, anything past an utterance's tokens that is an index.
        target_lengths: (B,) int64.
        chunk: utterances at a time; 0 takes all at once.

    Returns:
        blank (B, T, U + 1) and label (B, T, U), for `transducer_loss`.
    """
    if not chunk:
        return cell_scores(join, encoded, predicted, targets)
    frames, states = encoded.shape[1], predicted.shape[1]
    blanks, labels = [], []
    for start in range(0, len(encoded), chunk):
        part = slice(start, start + chunk)
        long, wide = int(lengths[part].max()), int(target_lengths[part].max())
        given = encoded[part, :long], predicted[part, : wide + 1], targets[part, :wide]
        blank, label = checkpoint(cell_scores, join, *given, use_reentrant=False)
        blanks.append(torch.nn.functional.pad(blank, (0, states - 1 - wide, 0, frames - long)))
        labels.append(torch.nn.functional.pad(label, (0, states - 1 - wide, 0, frames - long)))
    return torch.cat(blanks), torch.cat(labels)


def cell_scores(join: Join, encoded: torch.Tensor, predicted: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(n, T, D), (n, U + 1, P), (n, U) -> blank (n, T, U + 1) and label (n, T, U), in float32 or better."""
    logits = join(encoded[:, :, None], predicted[:, None])  # (n, T, U + 1, V)
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    total = torch.logsumexp(logits, dim=3)
    wanted = targets[:, None, :, None].expand(-1, logits.shape[1], -1, 1)
    label = logits[:, :, :-1].gather(3, wanted)[..., 0]
    return logits[..., BLANK] - total, label - total[:, :, :-1]


def lattice_bytes(batch: int, frames: int, tokens: int, num_tokens: int) -> int:
    """Bytes of a batch's logits in float32; the gradient takes as many again."""
    return 4 * batch * frames * (tokens + 1) * num_tokens


def check_shapes(blank: torch.Tensor, label: torch.Tensor, lengths: torch.Tensor, target_lengths: torch.Tensor) -> None:
    """ShapeError if `transducer_loss` cannot take these."""
    batch, frames, states = blank.shape
    if label.shape != (batch, frames, states - 1) or lengths.shape != (batch,) or target_lengths.shape != (batch,):
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in (blank, label, lengths, target_lengths))
        raise ShapeError(f"The transducer loss takes (B, T, U + 1), (B, T, U), (B,) and (B,), not {shapes}.")
    if batch and (int(lengths.min()) < 1 or int(lengths.max()) > frames):
        raise ShapeError(f"Lengths go from {int(lengths.min())} to {int(lengths.max())}, but must be 1 to {frames} frames.")
    if batch and (int(target_lengths.min()) < 0 or int(target_lengths.max()) > states - 1):
        raise ShapeError(f"Target lengths reach {int(target_lengths.max())}, but there are {states - 1} tokens.")

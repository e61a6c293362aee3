"""Which block of a neural transducer says which token: by a CTC head at first, by the model itself later."""

from __future__ import annotations

from collections.abc import Sequence
from operator import eq

import torch

from tympan.decoding import Hypothesis, align
from tympan.models.neural_transducer import NeuralTransducerModel
from tympan.models.spellers import EDGE, SpellerState

Text = Sequence[int]


def by_ctc(log_probs: torch.Tensor, frames: int, count: int, text: Text, slack: int = 0) -> list[int]:
    """The block of each token: that of its last frame on the best path of a CTC head, or a later one.

    Args:
        log_probs: (T'', V) of the head, natural log.
        frames: rows of log_probs in a block.
        count: blocks, at least 1.
        text: tokens.
        slack: rows that a token is put off, for heads that know a token before it has sounded out.

    Returns:
        A rising block for each token. A text that does not fit into the frames is spread over them evenly.
    """
    if len(text) + sum(map(eq, text, text[1:])) > len(log_probs):
        return [index * count // len(text) for index in range(len(text))]
    ends = align(log_probs.float().cpu().numpy(), Hypothesis(tuple(text), 0.0, 0.0)).ends
    return [min((end - 1 + slack) // frames, count - 1) for end in ends]


def with_edges(text: Text, blocks: Sequence[int], count: int) -> tuple[list[int], list[int]]:
    """What is said in all blocks, each ended by EDGE, and in which block: as many as tokens and blocks together."""
    said, places = [], []
    for block in range(count):
        own = [token for token, place in zip(text, blocks, strict=True) if place == block]
        said += [*own, EDGE]
        places += [block] * (len(own) + 1)
    return said, places


class Rows:
    """The speller's states after (b, j): utterance b, its first j tokens."""

    def __init__(self, start: SpellerState, batch: int, most: int) -> None:
        self.parts = [
            part.new_zeros(batch, most + 1, part.shape[1]).index_put_((torch.arange(batch, device=part.device), torch.tensor(0)), part)
            for part in (*start.hidden, *start.cells, start.context)
        ]
        self.layers = len(start.hidden)

    def get(self, utterances: torch.Tensor, places: torch.Tensor, weights: torch.Tensor) -> SpellerState:
        """States of some (b, j); `weights` stand for those of the attention, which has no use for them."""
        found = [part[utterances, places] for part in self.parts]
        return SpellerState(tuple(found[: self.layers]), tuple(found[self.layers : -1]), found[-1], weights)

    def put(self, utterances: torch.Tensor, places: torch.Tensor, state: SpellerState) -> None:
        for part, new in zip(self.parts, (*state.hidden, *state.cells, state.context), strict=True):
            part[utterances, places] = new.to(part.dtype)


@torch.no_grad()
def realigned(
    model: NeuralTransducerModel,
    encoded: torch.Tensor,
    lengths: torch.Tensor,
    texts: Sequence[Text],
    given: Sequence[Sequence[int]],
    corridor: int | None = None,
) -> tuple[list[list[int]], list[float]]:
    """The most probable blocks of all tokens, by the model.

    For each block and each number of tokens that were said by its end the best way there is kept, with the state of the speller on it, as
    in the paper: what is forgotten are worse ways whose states would have done better later.

    Args:
        model: in evaluation mode.
        encoded: (B, T', D).
        lengths: (B,) valid frames.
        texts: B texts.
        given: blocks of their tokens that are near.
        corridor: tokens that the number said by the end of a block may differ from `given`; None for any.

    Returns:
        Blocks of each text's tokens; those given where no way was found (more tokens than the blocks can say). And log P of the text with
        its blocks, natural; -inf where none was found.

    Source: Jaitly et al. 2015, arXiv:1511.04868, section 2.5 and figure 3.
    """
    device, batch, most = encoded.device, len(texts), max(map(len, texts), default=0)
    counts = model.blocks.count(lengths)
    blocks = int(counts.max()) if batch else 0
    ends = torch.tensor([len(text) for text in texts], device=device)
    tokens = torch.tensor([[*text, *[EDGE] * (most + 1 - len(text))] for text in texts], device=device)
    scores = torch.full((batch, most + 1), -torch.inf, device=device)
    scores[:, 0] = 0.0
    came: list[torch.Tensor] = []
    if blocks:
        windows = model.windows(encoded, lengths)
        rows = Rows(model.start(windows, batch), batch, most)
    for block in range(blocks):
        low, high = allowed(given, ends, block, counts, corridor)
        utterances, before = (scores.isfinite() & (block < counts)[:, None]).nonzero(as_tuple=True)
        places, read, total = before, torch.full_like(before, EDGE), scores[utterances, before]
        here = torch.full_like(utterances, block)
        window = windows.at(utterances, here)
        state = rows.get(utterances, places, window.values.new_zeros(len(places), *window.keys.shape[1:3]))
        scores = torch.where((block < counts)[:, None], -torch.inf, scores)
        origin = torch.arange(most + 1, device=device).repeat(batch, 1)
        for _ in range(model.blocks.tokens + 1):
            if not len(places):
                break
            logits, state = model.speller.step(read, state, window.memory())
            log_probs = logits.float().log_softmax(dim=1)
            ended = total + log_probs[:, EDGE]
            better = (places >= low[utterances]) & (places <= high[utterances]) & (ended > scores[utterances, places])
            chosen = utterances[better], places[better]
            scores[chosen], origin[chosen] = ended[better], before[better]
            rows.put(*chosen, picked(state, better))
            on = (places < ends[utterances]) & (places < high[utterances])
            read = tokens[utterances, places]
            total = (total + log_probs.gather(1, read[:, None])[:, 0])[on]
            state, window = picked(state, on), window.of(on)
            utterances, before, places, read = utterances[on], before[on], places[on] + 1, read[on]
        came.append(origin)
    final = scores.gather(1, ends[:, None])[:, 0].tolist()
    paths = torch.stack(came).tolist() if came else []
    found = [trace([path[row] for path in paths[: int(counts[row])]], len(text)) for row, text in enumerate(texts)]
    known = [score > -torch.inf for score in final]
    return [ours if ok else list(theirs) for ours, theirs, ok in zip(found, given, known, strict=True)], final


def allowed(
    given: Sequence[Sequence[int]], ends: torch.Tensor, block: int, counts: torch.Tensor, corridor: int | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """(B,), (B,): the least and the most tokens that may be said by the end of a block; all of them by that of the last."""
    near = torch.tensor([sum(place <= block for place in places) for places in given], device=ends.device)
    low, high = (torch.zeros_like(ends), ends) if corridor is None else (near - corridor, torch.minimum(near + corridor, ends))
    return torch.where(block >= counts - 1, ends, low), torch.where(block >= counts - 1, ends, high)


def picked(state: SpellerState, rows: torch.Tensor) -> SpellerState:
    """Some rows of a state."""
    hidden, cells = (tuple(part[rows] for part in layers) for layers in (state.hidden, state.cells))
    return SpellerState(hidden, cells, state.context[rows], state.weights[rows])


def trace(origins: Sequence[Sequence[int]], end: int) -> list[int]:
    """Blocks of the tokens: for each block how many were said before it, by how many after."""
    blocks = [0] * end
    for block in reversed(range(len(origins))):
        start = origins[block][end]
        blocks[start:end] = [block] * (end - start)
        end = start
    return blocks

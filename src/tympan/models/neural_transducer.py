"""The neural transducer: a speller that hears a block of encoded frames after the other and says in each as many tokens as are there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.nn import functional as F

from tympan.errors import RecipeError
from tympan.models.attention import speller_axes
from tympan.models.build import build_encoder, construct
from tympan.models.encoders.encoder import Encoder
from tympan.models.heads.ctc import CTCHead
from tympan.models.speech_model import SpeechModel
from tympan.models.spellers import EDGE, Memory, Speller
from tympan.models.spellers.blocks import Blocks, Windows
from tympan.models.spellers.speller import SpellerState, seen

ATTENTION = "mlp"  # unless the recipe says otherwise


class NeuralTransducerModel(SpeechModel):
    """features -> encoded frames; the speller reads them in blocks, ends each with EDGE, which is the papers' <e>, and keeps its state.

    Training:  encoded, lengths = model.encoder(features, lengths); logits = model.spell(encoded, lengths, targets, blocks)
    Search:    the same encoded frames, and `model.speller.step` on one window after the other

    It is not what is called an RNN transducer: there blank goes on by a frame and nothing is looked at.

    Args:
        encoder: any; the model can hear while somebody speaks if the encoder can.
        speller: for its frames; its attention must not be "location", whose places would move with the window.
        head: of CTC over the same frames; its alignment says first which block a token belongs to.
        blocks: how utterances are cut.

    Raises:
        ValueError: the speller's attention is "location".

    Source: Jaitly et al. 2015, arXiv:1511.04868; looking back beyond the block Sainath et al. 2017, arXiv:1712.01807, section 3.2.
    """

    family = "neural-transducer"

    def __init__(self, encoder: Encoder, speller: Speller, head: CTCHead, blocks: Blocks) -> None:
        if speller.attention.kind == "location":
            raise ValueError("attention 'location' cannot be heard in blocks: take mlp or dot")
        super().__init__(encoder)
        self.speller, self.head, self.blocks = speller, head, blocks

    def frame_log_probs(self, features: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, T, F), (B,) -> CTC's log_probs (B, T'', V) and lengths'' (B,)."""
        encoded, lengths = self.encoder(features, lengths)
        return self.head(encoded), self.head.output_lengths(lengths)

    def token_axes(self) -> dict[str, int]:
        """Tensors of the state whose slices along an axis belong to tokens, and that axis."""
        return speller_axes(self)

    def windows(self, encoded: torch.Tensor, lengths: torch.Tensor) -> Windows:
        """(B, T', D), (B,) -> what the speller sees, block by block."""
        return Windows(self.speller.attention.memory(encoded, lengths), self.blocks)

    def start(self, windows: Windows, rows: int) -> SpellerState:
        """The state of so many texts before their first tokens."""
        first = torch.zeros(rows, dtype=torch.int64, device=windows.keys.device)
        return self.speller.start(rows, windows.at(first, first).memory())

    def spell(self, encoded: torch.Tensor, lengths: torch.Tensor, targets: torch.Tensor, blocks: torch.Tensor) -> torch.Tensor:
        """Read the truth and say what comes next.

        Args:
            encoded: (B, T', D), T' at least 1.
            lengths: (B,) valid frames.
            targets: (B, L) tokens of all blocks, each block ended by EDGE; padded with anything that is a token.
            blocks: (B, L) the block in which each is said.

        Returns:
            (B, L, V) logits; row l, after the first l targets, is to say target l.
        """
        rows = torch.arange(len(targets), device=targets.device)[:, None].expand_as(blocks)
        windows = self.windows(encoded, lengths)
        window = windows.at(rows, blocks)
        state = self.start(windows, len(targets))
        embedded = self.speller.dropout(self.speller.embedding(F.pad(targets[:, :-1], (1, 0), value=EDGE)))
        read = []
        for own, keys, values, hidden in zip(*(part.unbind(1) for part in (embedded, *window)), strict=True):
            state = self.speller.advance(own, state, Memory(keys, values, hidden))
            read.append(seen(state))
        return self.speller.logits(torch.stack(read, dim=1))

    @torch.no_grad()
    def greedy(self, encoded: torch.Tensor, lengths: torch.Tensor) -> list[list[int]]:
        """The most probable token at each step, until the last block has ended."""
        if not encoded.shape[1]:
            return [[] for _ in lengths]
        windows, counts = self.windows(encoded, lengths), self.blocks.count(lengths)
        rows = torch.arange(len(lengths), device=lengths.device)
        state, tokens = self.start(windows, len(lengths)), torch.full_like(lengths, EDGE)
        block, said = torch.zeros_like(lengths), torch.zeros_like(lengths)
        written: list[torch.Tensor] = []
        while (block < counts).any():
            logits, state = self.speller.step(tokens, state, windows.at(rows, block.clamp(max=windows.keys.shape[1] - 1)).memory())
            goes_on = (block < counts) & (said < self.blocks.tokens)
            tokens = logits.argmax(dim=1).where(goes_on, EDGE)
            written.append(tokens)
            ended = tokens == EDGE
            block, said = block + ended, (said + 1).where(~ended, 0)
        texts = torch.stack(written, dim=1).tolist() if written else [[] for _ in lengths]
        return [[token for token in text if token != EDGE] for text in texts]

    def forward(
        self, features: torch.Tensor, lengths: torch.Tensor, targets: torch.Tensor, blocks: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, T, F), (B,), and targets and blocks (B, L) as of `spell` -> log_probs (B, L, V) and lengths' (B,)."""
        encoded, lengths = self.encoder(features, lengths)
        return self.spell(encoded, lengths, targets, blocks).float().log_softmax(dim=-1), lengths


def build_neural_transducer(config: Mapping[str, Any], num_features: int, num_tokens: int) -> NeuralTransducerModel:
    """A neural transducer with fresh weights.

    Args:
        config: {"encoder": {"name": ..., ...}, "decoder": {...}, "block": {...}, "head": {...}}.
        num_features: F of the front end.
        num_tokens: V with blank.

    Raises:
        RecipeError: an unknown encoder, key, or impossible value; it is named with what would be right.
    """
    encoder = build_encoder(config["encoder"], num_features)
    if getattr(encoder, "taps", ()):
        raise RecipeError("model.encoder.taps have no effect under a neural transducer.", "Leave them out.")
    decoder = {"attention": ATTENTION, **config.get("decoder", {})}
    if decoder["attention"] == "location":
        raise RecipeError("model.decoder.attention: location cannot be heard in blocks.", "Take mlp or dot.")
    speller = construct(Speller, "model.decoder", {"encoder_dim": encoder.output_dim, "num_tokens": num_tokens}, decoder)
    head = construct(CTCHead, "model.head", {"dim": encoder.output_dim, "num_tokens": num_tokens}, config.get("head", {}))
    return NeuralTransducerModel(encoder, speller, head, construct(Blocks, "model.block", {}, config.get("block", {})))

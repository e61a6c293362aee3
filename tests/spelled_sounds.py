"""Utterances of letters that each have a sound of their own, for networks to learn by heart."""

from __future__ import annotations

import torch

from tympan.data.torch_batches import Batch
from tympan.tokens import TokenTable
from tympan.training.tasks import Task
from tympan.training.validation import Heard

FEATURES = 12
WORDS = ("ab", "ba", "cab", "bac")
TABLE = TokenTable.from_texts([" ".join(WORDS)])


def corpus(seed: int) -> Batch:
    """32 utterances of one or two words; each letter is a spectrum of its own for 8 to 12 frames, with noise."""
    chance = torch.Generator().manual_seed(seed)
    spectra = {token: 2 * torch.randn(FEATURES, generator=chance) for token in TABLE.tokens[1:]}
    sounds, texts = [], []
    for _ in range(32):
        count = int(torch.randint(1, 3, (), generator=chance))
        text = " ".join(WORDS[index] for index in torch.randint(len(WORDS), (count,), generator=chance).tolist())
        lasts = torch.randint(8, 13, (len(text),), generator=chance)
        clean = torch.stack([spectra[token] for token in text]).repeat_interleave(lasts, 0)
        sounds.append(clean + 0.5 * torch.randn(clean.shape, generator=chance))
        texts.append(text)
    tokens = [TABLE.encode(text) for text in texts]
    flat = torch.tensor([token for row in tokens for token in row])
    features, lengths = torch.nn.utils.rnn.pad_sequence(sounds, batch_first=True), torch.tensor([len(sound) for sound in sounds])
    return Batch(features, lengths, flat, torch.tensor([len(row) for row in tokens]), texts, [str(i) for i in range(32)], 1.0)


def knows(task: Task, heard: Batch) -> bool:
    """Whether all is written as it was said."""
    found = Heard()
    with torch.no_grad():
        task.hear(heard, found)
    return all(reference == written for reference, written in found.pairs)

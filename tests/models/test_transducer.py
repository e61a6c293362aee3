"""The transducer as a whole: built from a description, searched by torch, and able to learn 32 utterances by heart."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

from tympan.decoding import TransducerDecoder, transducer_greedy
from tympan.errors import RecipeError
from tympan.models import TransducerModel, build_transducer
from tympan.models.transducer_networks import TorchNetworks
from tympan.tokens import TokenTable
from tympan.training.objectives.transducer import lattice_scores, transducer_loss

CONFIG: dict[str, Any] = {
    "encoder": {"name": "conformer", "dim": 24, "layers": 1, "heads": 2, "kernel": 5, "dropout": 0.0, "subsampling": 4},
    "predictor": {"name": "stateless", "dim": 16},
    "joiner": {"dim": 32},
}
LSTM: dict[str, Any] = {**CONFIG, "predictor": {"name": "lstm", "embedding_dim": 8, "dim": 16}}
TABLE = TokenTable(("<blank>", " ", "a", "b", "c"))


def utterances(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Two words of one or two different letters; a letter sounds for 8 to 12 frames as its own vector, with noise."""
    generator = torch.Generator().manual_seed(seed)
    sounds = torch.randn(len(TABLE), 8, generator=generator)
    features, targets = [], []
    for _ in range(count):
        words = [torch.randperm(3, generator=generator)[: int(torch.randint(1, 3, (), generator=generator))] + 2 for _ in range(2)]
        target = torch.cat((words[0], torch.tensor([1]), words[1]))
        repeats = torch.randint(8, 13, (len(target),), generator=generator)
        spoken = sounds[target].repeat_interleave(repeats, 0)
        features.append(spoken + 0.3 * torch.randn(spoken.shape, generator=generator))
        targets.append(target)
    lengths, target_lengths = (torch.tensor([len(item) for item in items]) for items in (features, targets))
    pad = torch.nn.utils.rnn.pad_sequence
    return pad(features, batch_first=True), lengths, pad(targets, batch_first=True), target_lengths


def test_an_utterance_does_not_know_its_batch() -> None:
    torch.manual_seed(0)
    model = build_transducer(CONFIG, 8, len(TABLE)).eval()
    features, lengths, targets, _ = utterances(3, 0)
    shortest = int(lengths.argmin())
    alone, frames = model(
        features[shortest : shortest + 1, : lengths[shortest]], lengths[shortest : shortest + 1], targets[shortest : shortest + 1]
    )
    together, _ = model(features, lengths, targets)
    torch.testing.assert_close(together[shortest, : frames[0]], alone[0], rtol=1e-4, atol=1e-5)
    assert model.output_lengths(lengths)[shortest] == frames[0]


@pytest.mark.parametrize("config", [CONFIG, LSTM], ids=["stateless", "lstm"])
def test_the_search_by_torch_walks_the_lattice_of_the_training(config: dict[str, Any]) -> None:
    torch.manual_seed(1)
    model = build_transducer(config, 8, len(TABLE)).eval()
    features, lengths, _, _ = utterances(1, 1)
    encoded = model.encoder(features, lengths)[0][0].detach()
    networks = TorchNetworks(model)
    found = transducer_greedy(networks, encoded.numpy(), max_symbols=2)
    with torch.no_grad():
        lattice = model(features, lengths, torch.tensor([found.tokens], dtype=torch.int64))[0][0]
    score = sum(float(lattice[frame, place, token]) for place, (frame, token) in enumerate(zip(found.timesteps, found.tokens, strict=True)))
    score += sum(float(lattice[frame, sum(at <= frame for at in found.timesteps), 0]) for frame in range(len(lattice)))
    assert found.score == pytest.approx(score, abs=1e-3)


@pytest.mark.parametrize("config", [CONFIG, LSTM], ids=["stateless", "lstm"])
def test_the_score_of_the_beam_is_the_loss_of_its_text(config: dict[str, Any]) -> None:
    torch.manual_seed(2)
    model = build_transducer(config, 8, len(TABLE)).eval()
    features, lengths, _, _ = utterances(1, 2)
    features, lengths = features[:, :16], lengths.clamp(max=16)
    encoded, _ = model.encoder(features, lengths)
    decoder = TransducerDecoder(TorchNetworks(model), TABLE, beam_size=3000, beam_threshold=1e9, expansion_threshold=1e9, max_symbols=2)
    held = decoder.begin()
    for frame, heard in enumerate(encoded[0, :2].detach().numpy()):
        held = decoder.step(held, heard, frame)
    short = [prefix for prefix in held if len(prefix.tokens) == 2][:5]
    targets = torch.tensor([prefix.tokens for prefix in short])
    assert short
    heard = encoded[:, :2, None].expand(len(short), -1, -1, -1)
    lattice = model.joiner.log_probs(heard, model.predictor(targets)[:, None])
    label = lattice[:, :, :-1].gather(3, targets[:, None, :, None].expand(-1, 2, -1, 1))[..., 0]
    loss = transducer_loss(lattice[..., 0], label, torch.full((len(short),), 2), torch.full((len(short),), 2))
    assert [prefix.acoustic for prefix in short] == pytest.approx((-loss).tolist(), abs=1e-4)


def trained(model: TransducerModel, batch: tuple[torch.Tensor, ...], steps: int) -> float:
    """The last loss a token."""
    features, lengths, targets, target_lengths = batch
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    loss = torch.zeros(())
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = 0.01 * min(1.0, (step + 1) / 10) * (1 - 0.9 * step / steps)
        encoded, frames = model.encoder(features, lengths)
        scores = lattice_scores(model.joiner, encoded, model.predictor(targets), frames, targets, target_lengths)
        loss = transducer_loss(*scores, frames, target_lengths).sum() / target_lengths.sum()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    return float(loss.detach())


@pytest.mark.parametrize(
    ("config", "seed"),
    [(CONFIG, 0), pytest.param(LSTM, 1, marks=pytest.mark.long), (CONFIG, 2)],
    ids=["stateless-0", "lstm-1", "stateless-2"],
)
def test_32_utterances_are_learnt_by_heart(config: dict[str, Any], seed: int) -> None:
    torch.manual_seed(seed)
    batch = utterances(32, seed)
    model = build_transducer(config, 8, len(TABLE))
    loss = trained(model, batch, 100)
    model.eval()
    features, lengths, targets, target_lengths = batch
    with torch.no_grad():
        encoded, frames = model.encoder(features, lengths)
    networks = TorchNetworks(model)
    decoder = TransducerDecoder(networks, TABLE, beam_size=4)
    for row, length, target, size in zip(encoded.numpy(), frames, targets, target_lengths, strict=True):
        wanted = TABLE.decode(target[:size].tolist())
        assert TABLE.decode(transducer_greedy(networks, row[:length]).tokens) == wanted, loss
        assert decoder.decode(row[:length])[0].text == wanted, loss


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"predictor": {"name": "gru"}}, "There are: lstm, stateless"),
        ({"predictor": {"name": "lstm", "contxt": 2}}, "model.predictor.contxt: no such key"),
        ({"joiner": {"dim": 0}}, "model.joiner: dim 0 must be at least 1"),
        ({"encoder": {"name": "none"}}, "there is no encoder 'none'"),
    ],
)
def test_a_wrong_description_is_told_by_its_path(change: dict[str, Any], part: str) -> None:
    with pytest.raises(RecipeError, match=part):
        build_transducer({**copy.deepcopy(CONFIG), **change}, 8, len(TABLE))

"""Training by the errors of a search: its lists, its loss, and what a training with it reaches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from noise_corpus import make_corpus, sections, train_here
from tympan.errors import RecipeError, TokenError
from tympan.lm import build
from tympan.models.spellers import Speller
from tympan.tokens import TokenTable
from tympan.training.objectives.risk import ctc_scores, speller_scores
from tympan.training.recipe import MWERRecipe
from tympan.training.search_risk import AttentionRisk, CTCRisk

TABLE = TokenTable(("<blank>", " ", "a", "b"))


def some_log_probs(seed: int = 0) -> torch.Tensor:
    return torch.randn(3, 12, len(TABLE), generator=torch.Generator().manual_seed(seed)).log_softmax(2)


@pytest.fixture
def scorer(tmp_path: Path) -> Path:
    path = tmp_path / "words.scorer"
    build(["ab ba", "ab", "ba a", "a"], order=2, prune=(0,), tokens=TABLE).save(path)
    return path


def test_loss_is_that_of_the_decoders_lists(scorer: Path) -> None:
    risk = CTCRisk(MWERRecipe(scorer=scorer, nbest=3, beam_size=20), TABLE)
    log_probs, lengths, texts = some_log_probs(), torch.tensor([12, 7, 9]), ["ab ba", "a", "ba"]
    total = 0.0
    for row, length, text in zip(log_probs, lengths.tolist(), texts, strict=True):
        found = risk.decoder.decode(row[:length].numpy(), 3)
        alone = ctc_scores(row[None], torch.tensor([length]), [[one.tokens for one in found]])
        chances = (alone + torch.tensor([one.score - one.acoustic_score for one in found])).softmax(0)
        errors = torch.tensor([float(sum_errors(text, one.text)) for one in found])
        total += float((chances * (errors - errors.mean())).sum())
    assert risk.loss(log_probs, lengths, texts).item() == pytest.approx(total / 28, rel=1e-4)


def sum_errors(reference: str, text: str) -> int:
    """Levenshtein's distance in words, by its recursion."""
    one, other = reference.split(), text.split()
    rows = [list(range(len(other) + 1))]
    for i, word in enumerate(one, 1):
        row = [i]
        for j, heard in enumerate(other, 1):
            row.append(min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (word != heard)))
        rows.append(row)
    return rows[-1][-1]


@pytest.mark.parametrize("seed", range(3))
def test_following_its_gradient_lowers_the_errors(scorer: Path, seed: int) -> None:
    risk = CTCRisk(MWERRecipe(scorer=scorer, nbest=8, beam_size=50, lm_weight=0.5, word_score=0.0), TABLE)
    logits = torch.randn(8, 14, len(TABLE), generator=torch.Generator().manual_seed(seed)).requires_grad_()
    lengths, texts = torch.full((8,), 14), ["ab ba", "a", "ba a", "ab"] * 2
    errors = []
    for _ in range(200):
        log_probs = logits.log_softmax(2)
        errors.append(sum(sum_errors(text, heard) for text, heard in zip(texts, risk.heard(log_probs, lengths), strict=True)))
        (gradient,) = torch.autograd.grad(risk.loss(log_probs, lengths, texts), logits)
        with torch.no_grad():
            logits -= 60 * gradient
    assert errors[-1] <= errors[0] / 2 and errors[0] >= 6


def test_utterance_without_frames_hears_nothing(scorer: Path) -> None:
    risk = CTCRisk(MWERRecipe(scorer=scorer), TABLE)
    lengths = torch.tensor([12, 0, 9])
    assert risk.heard(some_log_probs(), lengths)[1] == ""
    assert torch.isfinite(risk.loss(some_log_probs(), lengths, ["ab", "a", "ba"]))


def test_scorer_of_other_tokens_is_refused(scorer: Path) -> None:
    with pytest.raises(TokenError, match=r"words\.scorer was made for other tokens"):
        CTCRisk(MWERRecipe(scorer=scorer), TokenTable(("<blank>", "x")))


def test_phones_need_a_scorer() -> None:
    with pytest.raises(TokenError, match="phones make no words without a scorer"):
        CTCRisk(MWERRecipe(), TokenTable(("<blank>", "AA", "B"), "phones"))


def recipe(folder: Path, **training: Any) -> dict[str, Any]:
    corpus = make_corpus(folder / "corpus")
    return sections(corpus, training={"max_epochs": 2, "accumulate": 1, **training}, tokens={"characters": " abc"})


def test_training_goes_on_by_the_errors_of_a_search_and_validates_with_it(tmp_path: Path) -> None:
    train_here(recipe(tmp_path), tmp_path / "first")
    build(["ab ba c", "ab", "ba"], order=2, prune=(0,), tokens=TokenTable(("<blank>", *" abc"))).save(tmp_path / "words.scorer")
    mwer = {"scorer": tmp_path / "words.scorer", "nbest": 3, "beam_size": 10, "lm_weight": 3.0, "word_score": 5.0}
    changed = recipe(tmp_path, mwer=mwer, initial=tmp_path / "first" / "best.safetensors")
    told = train_here(changed, tmp_path / "second")
    losses = [report.loss for report in told.reports]
    assert losses and all(abs(loss) < 50 for loss in losses)


def test_section_is_refused_where_a_family_cannot_use_it(tmp_path: Path) -> None:
    changed = recipe(tmp_path, mwer={})
    encoder = changed["model"]["encoder"]
    encoder.pop("taps")
    changed["model"] = {"family": "transducer", "encoder": encoder, "predictor": {"dim": 8}, "joiner": {"dim": 8}}
    with pytest.raises(RecipeError, match=r"training\.mwer is for the families ctc and attention, not for transducer"):
        train_here(changed, tmp_path / "run")


def a_speller(seed: int = 0) -> Speller:
    torch.manual_seed(seed)
    speller = Speller(6, len(TABLE), dim=8, embedding_dim=4, attention="mlp", attention_dim=4, dropout=0.5)
    with torch.no_grad():
        speller.output.weight *= 4
        speller.output.bias[0] += 2.0  # an untrained one that ends its texts
    return speller


def test_speller_scores_are_its_log_probabilities_of_each_hypothesis_and_its_end() -> None:
    speller, encoded, lengths = a_speller().eval(), torch.randn(2, 7, 6), torch.tensor([7, 4])
    hypotheses = [[(2, 1, 3), ()], [(3,)]]
    expected = []
    with torch.no_grad():
        found = speller_scores(speller, encoded, lengths, hypotheses)
        for row, texts in enumerate(hypotheses):
            for text in texts:
                memory = speller.attention.memory(encoded[row : row + 1, : lengths[row]], lengths[row : row + 1])
                state, total, before = speller.start(1, memory), 0.0, 0
                for token in (*text, 0):
                    logits, state = speller.step(torch.tensor([before]), state, memory)
                    total, before = total + float(logits.log_softmax(dim=1)[0, token]), token
                expected.append(total)
    torch.testing.assert_close(found, torch.tensor(expected), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("seed", range(2))
def test_following_its_gradient_lowers_a_spellers_errors(scorer: Path, seed: int) -> None:
    risk = AttentionRisk(MWERRecipe(scorer=scorer, nbest=6, lm_weight=0.3, word_score=0.0), TABLE)
    speller, encoded, lengths = a_speller(seed), torch.randn(4, 8, 6), torch.full((4,), 8)
    texts = ["ab ba", "a", "ba a", "ab"]
    optimizer = torch.optim.Adam(speller.parameters(), 0.03)
    errors = []
    for _ in range(30):
        errors.append(sum(sum_errors(text, heard) for text, heard in zip(texts, risk.heard(speller, encoded, lengths), strict=True)))
        optimizer.zero_grad()
        risk.loss(speller, encoded, lengths, texts).backward()
        optimizer.step()
    assert min(errors[-5:]) < errors[0] and speller.training


def test_attention_model_trains_by_it(tmp_path: Path) -> None:
    build(["ab ba c", "ab", "ba"], order=2, prune=(0,), tokens=TokenTable(("<blank>", *" abc"))).save(tmp_path / "words.scorer")
    changed = recipe(tmp_path, mwer={"scorer": tmp_path / "words.scorer", "nbest": 2, "beam_size": 3})
    encoder = changed["model"]["encoder"]
    encoder.pop("taps")
    decoder = {"dim": 8, "embedding_dim": 4, "attention": "mlp", "attention_dim": 4}
    changed["model"] = {"family": "attention", "encoder": encoder, "decoder": decoder}
    told = train_here(changed, tmp_path / "run")
    assert told.reports and all(abs(report.loss) < 100 for report in told.reports)

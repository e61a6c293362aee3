"""The CTC head."""

from __future__ import annotations

import pytest
import torch

from tympan.models.heads.ctc import CTCHead


@pytest.mark.parametrize("unfold", [1, 2, 3])
@pytest.mark.parametrize("hidden", [0, 6])
def test_rows_are_distributions_and_frames_are_unfolded(unfold: int, hidden: int) -> None:
    head = CTCHead(4, 7, hidden=hidden, unfold=unfold).eval()
    log_probs = head(torch.randn(2, 5, 4) * 10)
    assert log_probs.shape == (2, 5 * unfold, 7)
    torch.testing.assert_close(log_probs.exp().sum(dim=-1), torch.ones(2, 5 * unfold))
    assert head.output_lengths(torch.tensor([5, 0])).tolist() == [5 * unfold, 0]


def test_unfolded_frames_come_in_the_order_of_their_encoded_frame() -> None:
    head = CTCHead(4, 3, unfold=2).eval()
    encoded = torch.randn(1, 6, 4)
    whole = head(encoded)
    for frame in range(6):
        torch.testing.assert_close(whole[:, 2 * frame : 2 * frame + 2], head(encoded[:, frame : frame + 1]))


def test_log_probs_are_float32_under_autocast() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        log_probs = CTCHead(4, 7)(torch.randn(1, 3, 4))
    assert log_probs.dtype == torch.float32
    torch.testing.assert_close(log_probs.exp().sum(dim=-1), torch.ones(1, 3))


@pytest.mark.parametrize(
    ("options", "part"), [({"activation": "swish", "hidden": 4}, "swish"), ({"unfold": 0}, "unfold 0"), ({"hidden": -1}, "hidden -1")]
)
def test_impossible_option_is_named(options: dict[str, object], part: str) -> None:
    with pytest.raises(ValueError, match=part):
        CTCHead(4, 7, **options)  # type: ignore[arg-type]

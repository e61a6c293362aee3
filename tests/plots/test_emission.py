"""What is drawn of an emission: a line for each token that is ever probable, and the decoded tokens over their frames."""

from __future__ import annotations

import numpy as np
import pytest

from strategies import spikes
from tympan.plots import Picture, draw_curves, draw_emission, draw_spectrogram, new_figure
from tympan.plots.emission import decoded

pytest.importorskip("matplotlib")
TOKENS = ["<blank>", " ", "a", "b"]


def picture(said: list[int]) -> Picture:
    features = np.random.default_rng(0).standard_normal((4 * (2 * len(said) + 1), 5)).astype(np.float32)
    return Picture("u1", features, spikes(said, len(TOKENS), 0.9), TOKENS, 2.2, "a $b_$", "ab")


def test_decoded_tokens_stand_at_the_frames_where_they_begin() -> None:
    log_probs = np.log(np.eye(4, dtype=np.float32)[[0, 2, 2, 0, 2, 3, 0]] * 0.9 + 0.02)
    assert decoded(log_probs) == [(2, 1), (2, 4), (3, 5)]
    assert decoded(log_probs[:0]) == []


def test_each_probable_token_has_a_line_and_each_decoded_one_its_sign() -> None:
    axes = new_figure(4, 3).subplots()
    draw_emission(axes, picture([2, 3, 2]))
    assert len(axes.get_lines()) == 3, "blank, a, b; the space is never probable"
    signs = [(text.get_text(), round(text.get_position()[0], 6)) for text in axes.texts]
    frame = 2.2 / 7
    assert signs == [("a", round(1.5 * frame, 6)), ("b", round(3.5 * frame, 6)), ("a", round(5.5 * frame, 6))]
    assert "said   a $b_$\nheard  ab" in axes.get_xlabel()


def test_space_is_shown_by_a_sign() -> None:
    axes = new_figure(4, 3).subplots()
    draw_emission(axes, picture([1]))
    assert [text.get_text() for text in axes.texts] == ["␣"]


def test_nothing_at_all_can_be_drawn() -> None:
    figure = new_figure(4, 3)
    above, below = figure.subplots(2, 1)
    empty = Picture("u", np.zeros((0, 5), np.float32), np.zeros((0, 4), np.float32), TOKENS, 0.0, "", "")
    draw_spectrogram(above, empty)
    draw_emission(below, empty)
    figure.draw_without_rendering()


def test_curves_are_the_rows_values_over_steps() -> None:
    rows = [
        {"step": 10, "train/loss": 2.0, "train/learning_rate": 1e-3, "train/blank_share": 1.0},
        {"step": 20, "train/loss": 1.0, "train/learning_rate": 2e-3, "train/blank_share": 0.5},
        {"step": 20, "dev/wer": 0.25, "dev/cer": 0.1, "dev/loss": 1.5, "dev/blank_share": 0.75},
    ]
    axes = new_figure(12, 3).subplots(1, 4)
    draw_curves(axes, rows)
    lines = [[(list(line.get_xdata()), list(line.get_ydata())) for line in panel.get_lines()] for panel in axes]
    assert lines[0] == [([10, 20], [2.0, 1.0]), ([20], [1.5])]
    assert lines[1] == [([20], [25.0]), ([20], [10.0])]
    assert lines[2] == [([10, 20], [1e-3, 2e-3])]
    assert lines[3] == [([10, 20], [100.0, 50.0]), ([20], [75.0])]

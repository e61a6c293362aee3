"""What several test files share: strategies named by the shape that they draw, and small things to build."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@st.composite
def log_probs_TV(draw: st.DrawFn, max_frames: int = 12, max_tokens: int = 5) -> npt.NDArray[np.float32]:
    """(T, V) float32 natural log, rows sum to 1 in probability; no two tokens of a frame are equally likely."""
    shape = draw(st.integers(0, max_frames)), draw(st.integers(2, max_tokens))
    logits = draw(hnp.arrays(np.float64, shape, elements=st.floats(-5, 5)))
    logits += np.arange(shape[1]) * 1e-3
    return (logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))).astype(np.float32)


def texts(alphabet: str = "abc 'üßéñй日\u0301\u0308") -> st.SearchStrategy[str]:
    """Transcripts, with letters that have two Unicode forms, loose combining marks, marks of files, and every kind of white space."""
    return st.text(st.sampled_from(alphabet + "\ufeff\r\n\t\u00a0\u2028u\u0041\u030a\u212b"), max_size=12)

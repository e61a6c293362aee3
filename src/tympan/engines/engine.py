"""What every family of models does at run time: features of a piece in, hypotheses out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from tympan.decoding import Hypothesis
from tympan.errors import BundleError

if TYPE_CHECKING:
    import onnxruntime

Array = npt.NDArray[np.float32]
NO_FOLDER = "/nonexistent"  # an ONNX graph may name files with weights; with this as their folder none can be read


class Decoder(Protocol):
    """What is asked of any family's search beside its searching."""

    @property
    def lm_weight(self) -> float: ...

    @property
    def word_score(self) -> float: ...


class Engine(Protocol):
    """A family's networks and search, safe to share among threads.

    emitted = engine.emit(features); found = engine.search(emitted, nbest); found = [engine.place(emitted, one) for one in found]

    Attributes:
        session: of the bundle's first graph, which takes features and lengths.
        decoder: the search; None for greedy decoding.
    """

    session: onnxruntime.InferenceSession

    @property
    def decoder(self) -> Decoder | None: ...

    def emit(self, features: Array) -> Any:
        """(T, F) normalised features -> what the search works on, whose `len` is 0 where there was nothing to hear."""
        ...

    def search(self, emitted: Any, nbest: int) -> list[Hypothesis]:
        """The best texts, best first; fewer than `nbest` if there are no more."""
        ...

    def place(self, emitted: Any, hypothesis: Hypothesis) -> Hypothesis:
        """The hypothesis with the frames of its tokens, of the bundle's `frame_shift_s`."""
        ...

    def settings(self) -> Mapping[str, Any]:
        """The search's own options, as plain values for a report, "decoder" the first."""
        ...


def load_session(graph: bytes, path: Path, threads: int) -> onnxruntime.InferenceSession:
    """An ONNX Runtime session for a bundle's graph, which may touch no file and load no library.

    Args:
        graph: the ONNX file.
        path: of the bundle, for messages.
        threads: 0 takes all cores.

    Raises:
        BundleError: it cannot be loaded.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", NO_FOLDER)
    try:
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors share no base class of their own
        raise BundleError(f"{path}: the network cannot be loaded ({' '.join(str(error).split())[:200]}).") from None


def open_session(graph: bytes, path: Path, threads: int, inputs: set[str], outputs: tuple[int, ...]) -> onnxruntime.InferenceSession:
    """As `load_session`, of a graph with these inputs and as many outputs as `outputs` allows; BundleError if it has others."""
    session = load_session(graph, path, threads)
    found = {node.name for node in session.get_inputs()}
    if found != inputs or len(session.get_outputs()) not in outputs:
        raise BundleError(f"{path}: the network's inputs are {sorted(found)}, not {' and '.join(sorted(inputs))}.")
    return session


def run(session: onnxruntime.InferenceSession, inputs: Mapping[str, Any], path: Path) -> list[Any]:
    """The outputs of a graph; BundleError if it cannot be run."""
    try:
        outputs: list[Any] = session.run(None, dict(inputs))
    except Exception as error:  # onnxruntime's errors share no base class of their own
        raise BundleError(f"{path}: the network cannot be run ({' '.join(str(error).split())[:200]}).") from None
    return outputs

"""The recogniser on the model inside the package."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

import tympan
from tympan.bundle import Bundle
from tympan.errors import BundleError
from tympan.recognizer import MODELS, Recognizer

ROOT = Path(__file__).resolve().parents[1]
CLIPS = sorted((ROOT / "samples").glob("*.opus"))


@pytest.fixture(scope="module")
def english() -> Recognizer:
    return tympan.load("english", threads=1)


def test_path_bytes_file_and_array_give_one_text(english: Recognizer) -> None:
    samples, rate = soundfile.read(CLIPS[0], dtype="float32")
    sources = [CLIPS[0], str(CLIPS[0]), CLIPS[0].read_bytes(), io.BytesIO(CLIPS[0].read_bytes())]
    texts = {english.transcribe(source).text for source in sources} | {english.transcribe(samples, rate).text}
    assert len(texts) == 1
    assert len(texts.pop()) > 20


def test_recogniser_is_safe_to_share_among_threads(english: Recognizer) -> None:
    alone = [english.transcribe(clip) for clip in CLIPS]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(english.transcribe, CLIPS * 3))
    assert together == alone * 3


def test_samples_of_less_than_a_frame_give_an_empty_transcript(english: Recognizer) -> None:
    for count in (1, 160, 399):
        transcript = english.transcribe(np.full(count, 0.1, dtype=np.float32))
        assert (transcript.text, transcript.segments) == ("", ())


def test_rate_of_an_array_is_resampled(english: Recognizer) -> None:
    samples, rate = soundfile.read(CLIPS[1], dtype="float32")
    twice = np.repeat(samples, 2)
    assert english.transcribe(twice, 2 * rate).duration == pytest.approx(len(samples) / rate, abs=0.01)


def test_graph_that_names_a_file_outside_is_refused(english: Recognizer, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx", reason="makes the hostile graph")
    secret = tmp_path / "secret.bin"
    secret.write_bytes(bytes(1 << 20))
    graph = onnx.load_model_from_string(english.bundle.graph)
    tensor = max(graph.graph.initializer, key=lambda item: len(item.raw_data))
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=str(secret))
    with pytest.raises(BundleError, match="cannot be loaded"):
        Recognizer(replace(english.bundle, graph=graph.SerializeToString()))


def test_graph_that_is_none_is_refused(english: Recognizer) -> None:
    with pytest.raises(BundleError, match="cannot be loaded"):
        Recognizer(replace(english.bundle, graph=b"\0" * 100))


def test_embedded_model_is_below_ten_megabytes_and_has_a_card() -> None:
    assert (MODELS / "english.tympan").stat().st_size < 10_000_000
    bundle = Bundle.open(MODELS / "english.tympan")
    assert bundle.language == "en"
    assert "hours" in bundle.card

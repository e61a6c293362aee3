"""Anything at all as a recording: only AudioError or MissingExtraError may come out, and samples are numbers from -1 to 1.

python fuzz/fuzz_audio.py CORPUS -max_total_time=60        (libFuzzer's options; `make fuzz` runs it on seeds)

The first byte of the input says which way the rest goes: a whole file, a pipe of `tympan listen`, or a browser's recording as it comes.
The decoders are others' and not compiled for this, but their memory is watched too: AddressSanitizer stands in for malloc.
"""

from __future__ import annotations

import io
import sys
import warnings

import atheris
import numpy as np

with atheris.instrument_imports(include=["tympan.audio"]):
    from tympan import audio
    from tympan.audio.piped import PipedFormat, piped
    from tympan.audio.unpacking import StreamUnpacker
    from tympan.errors import AudioError, MissingExtraError

WAYS = ("whole", "pipe", "browser")
RATES = (16_000, 8_000, 44_100, 1_000)
MOST_S = 600.0  # of sound; a few bytes of Opus or FLAC may honestly be many seconds of silence


def whole(data: bytes, choice: int) -> None:
    rate = RATES[choice % len(RATES)]
    audio.info(data)
    seconds = 0.0
    for block in audio.blocks(data, rate, block_s=1.0):
        check(block)
        seconds += len(block) / rate
        if seconds > MOST_S:
            return


def pipe(data: bytes, choice: int) -> None:
    file = io.BytesIO(data)
    raw = PipedFormat(RATES[choice % len(RATES)], 1 + choice % 3)
    for _, samples in piped(lambda most: file.read(min(most, 1 + choice)), raw):
        assert samples.ndim == 1 and samples.dtype == np.float32


def browser(data: bytes, choice: int) -> None:
    unpacker = StreamUnpacker()
    size = 64 * (1 + choice)
    try:
        for at in range(0, len(data), size):
            for _, samples in unpacker.feed(data[at : at + size]):
                assert samples.ndim == 1
        for _, samples in unpacker.finish():
            assert samples.ndim == 1
    finally:
        unpacker.close()


def check(samples: np.ndarray) -> None:
    assert samples.ndim == 1 and samples.dtype == np.float32 and len(samples)
    assert np.isfinite(samples).all() and np.abs(samples).max() <= 1


def test_one(data: bytes) -> None:
    if not data:
        return
    choice, way = divmod(data[0], len(WAYS))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", audio.TruncatedAudioWarning)
        try:
            (whole, pipe, browser)[way](data[1:], choice)
        except (AudioError, MissingExtraError) as error:
            told = str(error)
            assert told


if __name__ == "__main__":
    atheris.Setup(sys.argv, test_one)
    atheris.Fuzz()

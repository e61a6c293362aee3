"""Make a small speech corpus of the words "yes" and "no" out of nothing: a formant synthesiser, many voices, no recordings.

For trying the whole chain (data, training, export, transcription) in a minute, and for tests that must not need a data set.
It is not a voice for listening, and a model trained on it understands nobody.

    python scripts/synthesize_yesno.py yesno/          # yesno/train.jsonl, dev.jsonl, test.jsonl and the clips

Source and filter, in frames of FRAME samples: glottal pulses and breath pass through a cascade of resonators whose formants glide from
target to target; hiss passes through a band of its own. Formants are those of an adult man, times `tract_scale` of the speaker.

Source: Klatt 1980, "Software for a cascade/parallel formant synthesizer", JASA 67(3); vowels after Peterson and Barney 1952, JASA 24(2).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import soundfile

Samples = npt.NDArray[np.float64]

SAMPLE_RATE = 16_000
FRAME = 256  # 16 ms, two pitch periods of a low voice
HOP = 64  # 4 ms: formants glide smoothly
FFT = 1024  # room for the ringing of the narrowest resonator behind the frame
BANDWIDTHS = np.array([70.0, 100.0, 140.0, 200.0, 280.0])  # Hz, of the five formants


@dataclass(frozen=True)
class Target:
    """The vocal tract at one moment of a word.

    Args:
        at_s: seconds from the word's beginning, at speed 1.
        formants: (F1, F2, F3) in Hz; F4 and F5 stay at 3300 and 3850.
        voice: level of the voiced source, 0 to 1.
        hiss: level of the frication, 0 to 1.
        nose: how far the way through the nose is open, 0 to 1.
    """

    at_s: float
    formants: tuple[float, float, float]
    voice: float
    hiss: float = 0.0
    nose: float = 0.0


WORDS: dict[str, tuple[Target, ...]] = {
    "yes": (
        Target(0.00, (280, 2250, 3000), 0.0),
        Target(0.03, (280, 2250, 3000), 0.7),
        Target(0.07, (300, 2200, 2950), 0.8),  # the glide [j]
        Target(0.15, (560, 1840, 2500), 1.0),  # [ɛ]
        Target(0.24, (540, 1820, 2520), 0.9),
        Target(0.28, (400, 1750, 2550), 0.0, 0.6),
        Target(0.31, (400, 1750, 2550), 0.0, 1.0),  # [s]
        Target(0.42, (400, 1750, 2550), 0.0, 0.8),
        Target(0.46, (400, 1750, 2550), 0.0, 0.0),
    ),
    "no": (
        Target(0.00, (260, 1500, 2500), 0.0, nose=1.0),
        Target(0.03, (260, 1500, 2500), 0.6, nose=1.0),
        Target(0.10, (270, 1500, 2500), 0.6, nose=1.0),  # the murmur [n]
        Target(0.13, (450, 1250, 2400), 0.9, nose=0.2),
        Target(0.20, (540, 980, 2380), 1.0),  # [o]
        Target(0.32, (400, 820, 2300), 0.8),  # [ʊ]
        Target(0.40, (380, 800, 2300), 0.0),
    ),
}


@dataclass(frozen=True)
class Speaker:
    """A voice and its recording place.

    Args:
        name: as in the manifest.
        pitch_hz: middle of the fundamental frequency.
        tract_scale: factor on all formants; above 1 is a shorter vocal tract.
        speed: factor on the rate of speech.
        breath: level of breath against the voice, 0 to 1.
        noise_db: level of the background noise against the speech, dB; negative.
        level_db: level of the recording, dB relative to full scale (root mean square of the speech).
        echo_s: time in which the room's echo falls by 60 dB; 0 is no room.
    """

    name: str
    pitch_hz: float
    tract_scale: float
    speed: float
    breath: float
    noise_db: float
    level_db: float
    echo_s: float


def draw_speaker(name: str, rng: np.random.Generator) -> Speaker:
    """Draw a voice; a higher one has, on average, a shorter vocal tract."""
    height = rng.uniform()
    return Speaker(
        name=name,
        pitch_hz=95.0 * 2.4**height * rng.uniform(0.92, 1.08),
        tract_scale=0.95 + 0.22 * height + rng.uniform(-0.04, 0.04),
        speed=rng.uniform(0.8, 1.25),
        breath=rng.uniform(0.02, 0.3),
        noise_db=rng.uniform(-45.0, -15.0),
        level_db=rng.uniform(-32.0, -16.0),
        echo_s=max(0.0, rng.uniform(-0.3, 0.3)),  # no room for half of them
    )


def synthesize_word(word: str, speaker: Speaker, rng: np.random.Generator) -> Samples:
    """Speak one word of WORDS: (N,) float64 at SAMPLE_RATE, loudest sample about 1, no noise or room yet."""
    targets = WORDS[word]
    times = np.array([target.at_s for target in targets]) / (speaker.speed * rng.uniform(0.9, 1.1))
    samples = int(times[-1] * SAMPLE_RATE) + FRAME
    sample_times = np.arange(samples) / SAMPLE_RATE
    frame_times = np.arange(0, samples, HOP) / SAMPLE_RATE

    def track(values: list[float], at: Samples) -> Samples:
        return np.interp(at, times, values)

    places = [[target.formants[i] * rng.uniform(0.96, 1.04) for target in targets] for i in range(3)]
    formants = np.stack([track(place, frame_times) for place in places], axis=1) * speaker.tract_scale  # (frames, 3)
    nose = track([target.nose for target in targets], frame_times)
    voiced = _glottis(sample_times, speaker, rng) * track([target.voice for target in targets], sample_times)
    hiss = rng.standard_normal(samples) * track([target.hiss for target in targets], sample_times)
    spoken = _filter(voiced, _tract_response(formants, nose, speaker.tract_scale))
    hissed = _filter(hiss, _hiss_response(speaker.tract_scale * rng.uniform(0.95, 1.05), len(frame_times)))
    spoken /= np.abs(spoken).max()
    return spoken + 0.35 * hissed / np.abs(hissed).max() if np.any(hiss) else spoken


def _glottis(times: Samples, speaker: Speaker, rng: np.random.Generator) -> Samples:
    """Pulses at a falling, slightly trembling pitch, with breath that swells in step with them."""
    tremble = np.interp(times, np.linspace(0, times[-1], 12), rng.normal(1.0, 0.015, 12))
    fall = np.linspace(rng.uniform(1.0, 1.2), rng.uniform(0.8, 1.0), len(times))
    phase = np.cumsum(speaker.pitch_hz * tremble * fall / SAMPLE_RATE) % 1.0
    # Rosenberg 1971, JASA 49(2): the folds open slowly and close at once, which is what excites the upper formants.
    closing = np.clip((phase - 0.4) / 0.16, 0.0, 1.0)
    opening = np.where(phase < 0.4, 0.5 - 0.5 * np.cos(np.pi * phase / 0.4), np.cos(0.5 * np.pi * closing))
    breath = 0.1 * speaker.breath * rng.standard_normal(len(times)) * (0.4 + 0.6 * opening)
    return np.asarray(np.diff(opening, prepend=0.0) + breath)  # lips radiate the derivative of the flow


def _resonator(frequency: Samples, bandwidth: float, bins: Samples) -> npt.NDArray[np.complex128]:
    """Response (frames, bins) of a two-pole resonator with gain 1 at 0 Hz; Klatt 1980, equation 2."""
    decay = np.exp(-np.pi * bandwidth / SAMPLE_RATE)
    b = 2 * decay * np.cos(2 * np.pi * frequency[:, None] / SAMPLE_RATE)
    z = np.exp(-2j * np.pi * bins / SAMPLE_RATE)[None, :]
    return np.asarray((1 - b + decay**2) / (1 - b * z + decay**2 * z**2))


def _tract_response(formants: Samples, nose: Samples, tract_scale: float) -> npt.NDArray[np.complex128]:
    """Response (frames, bins) of the cascade of formants (frames, 3) in Hz; the open nose damps everything above the murmur."""
    bins = np.fft.rfftfreq(FFT, 1 / SAMPLE_RATE)
    fixed = np.ones((len(formants), 2)) * np.array([3300.0, 3850.0]) * tract_scale
    response = np.ones((len(formants), len(bins)), dtype=np.complex128)
    for column, bandwidth in zip(np.hstack([formants, fixed]).T, BANDWIDTHS, strict=True):
        response *= _resonator(column, bandwidth, bins)
    murmur = _resonator(np.full(len(formants), 260.0 * tract_scale), 90.0, bins)
    return response * (1 - nose[:, None]) + (0.25 * response + 0.75 * murmur) * nose[:, None]


def _hiss_response(scale: float, frames: int) -> npt.NDArray[np.complex128]:
    """Response (frames, bins) of [s]: noise around 5.5 kHz, next to nothing below 3 kHz."""
    bins = np.fft.rfftfreq(FFT, 1 / SAMPLE_RATE)
    band = np.exp(-0.5 * ((bins - 5500.0 * scale) / 1100.0) ** 2)
    return np.tile(band.astype(np.complex128), (frames, 1))


def _filter(source: Samples, response: npt.NDArray[np.complex128]) -> Samples:
    """Filter (N,) with one response (frames, bins) for each hop, by overlapping Hann windows."""
    padded = np.concatenate([np.zeros(FRAME // 2), source, np.zeros(FRAME)])
    starts = np.arange(len(response)) * HOP
    frames = padded[starts[:, None] + np.arange(FRAME)] * np.hanning(FRAME + 1)[:FRAME]
    filtered = np.fft.irfft(np.fft.rfft(frames, FFT) * response, FFT) * (2 * HOP / FRAME)  # Hann windows add up to FRAME / (2 HOP)
    blocks = filtered.reshape(len(filtered), FFT // HOP, HOP)
    result = np.zeros((len(filtered) + FFT // HOP, HOP))
    for late in range(FFT // HOP):
        result[late : late + len(filtered)] += blocks[:, late]
    return result.ravel()[FRAME // 2 : FRAME // 2 + len(source)]


def synthesize_utterance(words: list[str], speaker: Speaker, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Speak words with pauses, in the speaker's room, noise and level: (N,) float32 in [-1, 1] at SAMPLE_RATE."""
    pieces: list[Samples] = [np.zeros(int(rng.uniform(0.1, 0.4) * SAMPLE_RATE))]
    for word in words:
        pieces.append(synthesize_word(word, speaker, rng) * rng.uniform(0.7, 1.0))
        pieces.append(np.zeros(int(rng.uniform(0.05, 0.4) * SAMPLE_RATE)))
    speech = np.concatenate(pieces)
    if speaker.echo_s > 0:
        tail = np.arange(int(speaker.echo_s * SAMPLE_RATE)) / SAMPLE_RATE
        echo = 0.02 * rng.standard_normal(len(tail)) * 10 ** (-3 * tail / speaker.echo_s)  # -60 dB after echo_s
        echo[0] = 1.0
        size = _power_of_two(len(speech) + len(echo))
        speech = np.fft.irfft(np.fft.rfft(speech, size) * np.fft.rfft(echo, size))[: len(speech)]
    speech *= 10 ** (speaker.level_db / 20) / np.sqrt(np.mean(speech**2))
    noise = _background(len(speech), rng) * 10 ** ((speaker.level_db + speaker.noise_db) / 20)
    return np.clip(speech + noise, -1.0, 1.0).astype(np.float32)


def _background(samples: int, rng: np.random.Generator) -> Samples:
    """Noise (N,) of root mean square 1 that falls by 3 dB an octave above 100 Hz, like the hum of a room."""
    size = _power_of_two(samples)
    bins = np.fft.rfftfreq(size, 1 / SAMPLE_RATE)
    noise = np.fft.irfft(np.fft.rfft(rng.standard_normal(size)) / np.sqrt(np.maximum(bins, 100.0)))[:samples]
    return np.asarray(noise / np.sqrt(np.mean(noise**2)))


def _power_of_two(length: int) -> int:
    """The least power of two that is not below length: the quick sizes of the FFT."""
    return 1 << (length - 1).bit_length()


def _utterances(split: str, count: int, speakers: int, seed: int) -> Iterator[tuple[str, Speaker, str, npt.NDArray[np.float32]]]:
    """Yield id, speaker, text and samples. Each utterance has a generator of its own: a larger corpus begins with the smaller one."""
    salt = [seed, *split.encode()]
    voices = [draw_speaker(f"{split}{i:02d}", np.random.default_rng([*salt, 0, i])) for i in range(speakers)]
    for index in range(count):
        rng = np.random.default_rng([*salt, 1, index])
        speaker = voices[index % speakers]
        words = [str(word) for word in rng.choice(sorted(WORDS), size=rng.integers(1, 9))]
        yield f"{speaker.name}-{index:04d}", speaker, " ".join(words), synthesize_utterance(words, speaker, rng)


def make_corpus(
    directory: Path, *, train: int = 240, dev: int = 40, test: int = 40, seed: int = 0, audio_format: Literal["flac", "wav"] = "flac"
) -> dict[str, Path]:
    """Write clips and manifests of a yes/no corpus; the same arguments give the same samples.

    Args:
        directory: made if missing; files of the same names are overwritten.
        train, dev, test: utterances in each split, of 1 to 8 words; up to 24, 6 and 6 speakers, none in two splits.
        seed: another seed, other voices and other words.
        audio_format: of the clips, 16 bit at SAMPLE_RATE.

    Returns:
        The path of each split's manifest. A line is a JSON object: `audio_filepath` (relative to the manifest), `duration` (seconds),
        `text`, `speaker`, `id`.
    """
    manifests = {}
    for split, count, speakers in (("train", train, 24), ("dev", dev, 6), ("test", test, 6)):
        (directory / split).mkdir(parents=True, exist_ok=True)
        manifests[split] = directory / f"{split}.jsonl"
        with manifests[split].open("w", encoding="utf-8", newline="\n") as manifest:
            for name, speaker, text, samples in _utterances(split, count, speakers, seed):
                clip = f"{split}/{name}.{audio_format}"
                soundfile.write(directory / clip, samples, SAMPLE_RATE, subtype="PCM_16")
                line = {"audio_filepath": clip, "duration": len(samples) / SAMPLE_RATE, "text": text, "speaker": speaker.name, "id": name}
                manifest.write(json.dumps(line) + "\n")
    return manifests


def main() -> None:
    """Read the command line and make the corpus."""
    parser = argparse.ArgumentParser(description='Make a small synthetic corpus of the words "yes" and "no".')
    parser.add_argument("directory", type=Path)
    for split, count in (("train", 240), ("dev", 40), ("test", 40)):
        parser.add_argument(f"--{split}", type=int, default=count, metavar="N", help=f"utterances for {split} (default: {count})")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--audio-format", choices=["flac", "wav"], default="flac")
    options = parser.parse_args()
    make_corpus(**vars(options))
    print(f"{options.directory}: {options.train} train, {options.dev} dev, {options.test} test utterances")


if __name__ == "__main__":
    main()

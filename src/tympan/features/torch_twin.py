"""The front ends and the normalisation once more in torch, batched, for training.

A twin takes its constants from the numpy extractor of the same config, and differs from it by less than 1e-5: absolute on log and
normalised features, relative on power. float32 inside could not hold this: its FFT errs by 1e-7 of the loudest bin, which is 1 % of the
amplitude of a bin 100 dB below it and 0.02 in the logarithm of its power. Both sides therefore compute in float64 (error 1e-16 of the
loudest bin, far below either floor) and round once, at the end, where half a unit in the last place of a log value of 16 is 1e-6.
Devices without float64 (Apple's GPUs) are refused by torch: compute the features on the CPU there.

Samples beyond an utterance's length change nothing, whatever they hold; frames beyond its length are zero.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch

from tympan.errors import ShapeError
from tympan.features import Extractor, Normalization, fbank64, fbank80, from_config, mel128, mfcc26, spec160, spec161, stft193, waveform
from tympan.features.normalize import LEVEL_QUANTILE, PRIOR_FRAMES, STD_FLOOR


class Twin(torch.nn.Module):
    """An extractor as a module without parameters, buffers or state.

    Its constants are not buffers: `module.half()` or a true-bfloat16 trainer would round them, and a checkpoint would store them.
    """

    def __init__(self, extractor: Extractor) -> None:
        super().__init__()
        self.extractor = extractor
        self._compute = _COMPUTE[type(extractor)]
        self._constants: dict[torch.device, dict[str, torch.Tensor]] = {}

    def forward(self, samples: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Compute the features of a batch.

        Args:
            samples: (B, N) floating point in [-1, 1].
            lengths: (B,) int64, valid samples, 0 <= lengths <= N.

        Returns:
            features (B, T, F) float32 with T = num_frames(N), and their lengths (B,) int64.

        Raises:
            ShapeError: samples are not (B, N), or lengths not (B,).
        """
        if samples.ndim != 2 or lengths.shape != samples.shape[:1]:
            raise ShapeError(f"Samples {tuple(samples.shape)} and lengths {tuple(lengths.shape)} are not (B, N) and (B,).")
        extractor = self.extractor
        feature_lengths = self.output_lengths(lengths)
        num_frames = extractor.num_frames(samples.shape[1])
        if num_frames == 0 or len(samples) == 0:
            return samples.new_zeros((len(samples), num_frames, extractor.num_features), dtype=torch.float32), feature_lengths
        padded = _pad(samples.double(), lengths, extractor.padding)  # (B, N + 2 padding)
        frames = padded.unfold(1, extractor.window_length, extractor.hop_length)  # (B, T, window)
        features = self._compute(extractor, frames, self._constants_on(samples.device)).float()  # (B, T, F)
        return features.masked_fill(~_valid(feature_lengths, num_frames)[..., None], 0.0), feature_lengths

    def output_lengths(self, lengths: torch.Tensor) -> torch.Tensor:
        """Return the frames (B,) of lengths (B,) samples, as `Extractor.num_frames` does for one."""
        extractor = self.extractor
        padded = lengths + 2 * extractor.padding
        frames = torch.div(padded - extractor.window_length, extractor.hop_length, rounding_mode="floor") + 1
        return torch.where(lengths > 0, frames.clamp(min=0), 0)

    def _constants_on(self, device: torch.device) -> dict[str, torch.Tensor]:
        if device not in self._constants:
            arrays = {"window": self.extractor.window}
            if hasattr(self.extractor, "filters"):
                arrays["filters"] = self.extractor.filters.weights.T.copy()
            if hasattr(self.extractor, "cosines"):
                arrays["cosines"] = self.extractor.cosines
            self._constants[device] = {name: torch.from_numpy(array).to(device) for name, array in arrays.items()}
        return self._constants[device]


class NormalizationTwin(torch.nn.Module):
    """A `Normalization` over a padded batch; padding neither enters the statistics nor leaves as anything but zero."""

    def __init__(self, normalization: Normalization) -> None:
        super().__init__()
        self.normalization = normalization

    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Normalise features (B, T, F), of which lengths (B,) frames are valid; returns (B, T, F) float32.

        Raises:
            ShapeError: the shapes do not fit, or F is not the length of the global vectors.
        """
        if features.ndim != 3 or lengths.shape != features.shape[:1]:
            raise ShapeError(f"Features {tuple(features.shape)} and lengths {tuple(lengths.shape)} are not (B, T, F) and (B,).")
        self.normalization.check_features(features.shape[2])
        valid = _valid(lengths, features.shape[1])[..., None]  # (B, T, 1)
        exact = features.double().masked_fill(~valid, 0.0)
        if self.normalization.mode == "none":
            return exact.float()
        if self.normalization.given:
            mean, std = (torch.tensor(values, dtype=torch.float64, device=features.device) for values in self._vectors())
        if self.normalization.mode == "level":
            means = exact.mean(2).masked_fill(~valid[..., 0], torch.nan)  # (B, T)
            exact = exact - means.nanquantile(LEVEL_QUANTILE, 1)[:, None, None] if features.shape[1] else exact
        if self.normalization.mode == "running":
            counts = PRIOR_FRAMES + torch.arange(1, features.shape[1] + 1, device=features.device)[None, :, None]
            total, squares = PRIOR_FRAMES * mean + exact.cumsum(1), PRIOR_FRAMES * (std**2 + mean**2) + (exact**2).cumsum(1)
            mean = total / counts  # (B, T, F)
            std = (squares / counts - mean**2).clamp(min=0).sqrt()
        elif self.normalization.mode == "utterance":
            count = lengths.clamp(min=1)[:, None, None]
            mean = exact.sum(1, keepdim=True) / count  # (B, 1, F)
            std = (((exact - mean) ** 2).masked_fill(~valid, 0.0).sum(1, keepdim=True) / count).sqrt()
        return ((exact - mean) / std.clamp(min=STD_FLOOR)).masked_fill(~valid, 0.0).float()

    def _vectors(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return self.normalization.mean, self.normalization.std


def build_twin(config: Mapping[str, object]) -> Twin:
    """Build the torch twin of `tympan.features.from_config(config)`; raises as that does."""
    return Twin(from_config(config))


def build_normalization_twin(config: Mapping[str, object]) -> NormalizationTwin:
    """Build the torch twin of `Normalization.from_config(config)`; raises as that does."""
    return NormalizationTwin(Normalization.from_config(config))


def _valid(lengths: torch.Tensor, size: int) -> torch.Tensor:
    return torch.arange(size, device=lengths.device) < lengths[:, None]  # (B, size)


def _pad(samples: torch.Tensor, lengths: torch.Tensor, padding: int) -> torch.Tensor:
    """Return (B, N + 2 padding): each utterance mirrored at its own two ends, as `extractor.reflect` does.

    What follows an utterance's right edge is without meaning: only frames beyond its length see it.
    """
    if padding == 0:
        return samples
    positions = torch.arange(-padding, samples.shape[1] + padding, device=samples.device)
    period = (2 * (lengths - 1)).clamp(min=1)[:, None]
    wrapped = positions % period
    sources = torch.minimum(wrapped, period - wrapped).minimum((lengths - 1).clamp(min=0)[:, None])  # (B, N + 2 padding)
    return samples.gather(1, sources)


def _fbank64(extractor: Extractor, frames: torch.Tensor, constants: dict[str, torch.Tensor]) -> torch.Tensor:
    emphasised = torch.cat([frames[..., :1], frames[..., 1:] - fbank64.PREEMPHASIS * frames[..., :-1]], dim=-1)
    power = _power(torch.fft.rfft(emphasised * constants["window"], fbank64.FFT_LENGTH))
    return (power @ constants["filters"] + fbank64.GUARD).log()


def _fbank80(extractor: Extractor, frames: torch.Tensor, constants: dict[str, torch.Tensor]) -> torch.Tensor:
    centred = frames - frames.mean(-1, keepdim=True)
    before = torch.cat([centred[..., :1], centred[..., :-1]], dim=-1)
    emphasised = (centred - fbank80.PREEMPHASIS * before) * constants["window"]
    power = _power(torch.fft.rfft(emphasised, fbank80.FFT_LENGTH))
    return (power @ constants["filters"]).clamp(min=fbank80.FLOOR).log()


def _mel128(extractor: Extractor, frames: torch.Tensor, constants: dict[str, torch.Tensor]) -> torch.Tensor:
    mels = _power(torch.fft.rfft(frames * constants["window"])) @ constants["filters"]
    return mels.clamp(min=mel128.LOG_FLOOR).log() if extractor.config()["log"] else mels


def _mfcc26(extractor: Extractor, frames: torch.Tensor, constants: dict[str, torch.Tensor]) -> torch.Tensor:
    magnitude = _power(torch.fft.rfft(frames * constants["window"])).sqrt()
    return (magnitude @ constants["filters"]).clamp(min=mfcc26.FLOOR).log() @ constants["cosines"]


def _spec160(extractor: Extractor, frames: torch.Tensor, constants: dict[str, torch.Tensor]) -> torch.Tensor:
    power = _power(torch.fft.rfft(frames * constants["window"])[..., : extractor.num_features])
    return 10.0 * power.clamp(min=spec160.FLOOR).log10()


def _spec161(extractor: Extractor, frames: torch.Tensor, constants: dict[str, torch.Tensor]) -> torch.Tensor:
    return _power(torch.fft.rfft(frames * constants["window"])).sqrt().log1p()


def _stft193(extractor: Extractor, frames: torch.Tensor, constants: dict[str, torch.Tensor]) -> torch.Tensor:
    roots = _power(torch.fft.rfft(frames * constants["window"], stft193.FFT_LENGTH)).sqrt().sqrt()
    centred = roots - roots.mean(-1, keepdim=True)
    return centred / ((centred**2).mean(-1, keepdim=True).sqrt() + stft193.EPSILON)


def _power(spectrum: torch.Tensor) -> torch.Tensor:
    return spectrum.real**2 + spectrum.imag**2


def _waveform(extractor: Extractor, frames: torch.Tensor, constants: dict[str, torch.Tensor]) -> torch.Tensor:
    return frames


_COMPUTE: dict[type[Extractor], Callable[[Extractor, torch.Tensor, dict[str, torch.Tensor]], torch.Tensor]] = {
    fbank64.Fbank64: _fbank64,
    fbank80.Fbank80: _fbank80,
    mel128.Mel128: _mel128,
    mfcc26.Mfcc26: _mfcc26,
    spec160.Spec160: _spec160,
    spec161.Spec161: _spec161,
    stft193.Stft193: _stft193,
    waveform.Waveform: _waveform,
}

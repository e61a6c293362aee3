"""Pre-trained encoders that others have saved: wav2vec 2.0, HuBERT and WavLM, from a local folder of the `transformers` library."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from tympan.errors import RecipeError
from tympan.extras import require
from tympan.models.encoders.encoder import Encoder
from tympan.models.layers.lengths import length_mask

KINDS = ("hubert", "wav2vec2", "wavlm")
WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
FOREIGN = ("auto_map", "quantization_config", "architectures", "torch_dtype", "dtype")  # what says how to load, not what is there
MISTAKES = (ArithmeticError, AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError)
MOST = 1 << 22  # of a description's file, in bytes


class HuggingFaceEncoder(Encoder):
    """Samples -> frames of 20 ms: convolutions of the library's model, its projection, its Transformer. T' = T.

    The front end is `waveform`. Where the library's own model hears padding (its group normalisation over time does, and so gives other
    frames in another batch), this one does not; alone, an utterance gives what the library gives, but for one frame more, which sees the
    last 240 samples.

    Args:
        num_features: samples in a frame of the front end, the stride of the model's convolutions.
        path: folder with config.json and model.safetensors; nothing is ever downloaded, and no pickle is read.
        config: what config.json says; None reads it, and with it the weights, from `path`. With it weights are fresh.
        normalize: give the model each recording with mean 0 and variance 1; None takes what preprocessor_config.json says, or yes.
        mask: hide spans of frames in training, as config.json says of time; the masks over channels are left out.

    Raises:
        RecipeError: there is no such folder, or what is in it is none of these models, or holds its weights as pickle.
        MissingExtraError: `transformers` is not installed.
    """

    def __init__(
        self,
        num_features: int = 320,
        *,
        path: str | None = None,
        config: Mapping[str, Any] | None = None,
        normalize: bool | None = None,
        mask: bool = True,
    ) -> None:
        super().__init__()
        require("hf", "An encoder of Hugging Face")
        if (path is None) == (config is None):
            raise RecipeError("model.encoder needs 'path', the folder of the saved model.", "Or 'config' in its place, for fresh weights.")
        if path is not None:
            config = read_json(Path(path), "config.json")
            said = read_json(Path(path), "preprocessor_config.json", {}).get("do_normalize", True)
            normalize = bool(said) if normalize is None else normalize
        assert config is not None
        self.description = {key: value for key, value in config.items() if key not in FOREIGN and not key.startswith("_")}
        self.normalize, self.mask = normalize is not False, mask
        self.model: Any = open_model(self.description, Path(path) if path is not None else None).train()
        self.num_features, self.output_dim = num_features, int(self.model.config.hidden_size)
        if getattr(self.model.config, "add_adapter", False):
            raise RecipeError("model.encoder: a model with an adapter behind it cannot be read.", "Save it without: add_adapter=False.")
        stride = prod(self.model.config.conv_stride)
        if stride != num_features:
            raise RecipeError(
                f"model.encoder: its convolutions make a frame of {stride} samples, the front end of {num_features}.",
                "Set features: {name: waveform}.",
            )
        field = 1
        for kernel, step in zip(reversed(self.model.config.conv_kernel), reversed(self.model.config.conv_stride), strict=True):
            field = (field - 1) * step + kernel
        self.field = field  # samples that one frame sees

    def output_lengths(self, lengths: torch.Tensor) -> torch.Tensor:
        """As many."""
        return lengths

    def resolved(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The description without a folder, which may not be there later."""
        kept = {key: value for key, value in config.items() if key not in ("path", "config")}
        return {**kept, "config": self.description, "normalize": self.normalize}

    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, T, 320), (B,) -> (B, T, D), zero past the lengths, and (B,)."""
        valid = length_mask(lengths, features.shape[1])
        samples = features.masked_fill(~valid[..., None], 0.0)
        if self.normalize:
            samples = standardized(samples, valid)
        x = self.convolved(samples.flatten(1), lengths)
        projected = self.model.feature_projection(x)
        x = projected[0] if isinstance(projected, tuple) else projected
        if self.training and self.mask:
            x = self.masked(x)
        heard = length_mask(lengths.clamp(min=1), features.shape[1])  # of nothing at all attention cannot take a mean
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Support for mismatched key_padding_mask")  # the library's own affair, in WavLM
            x = self.model.encoder(x.clone(), attention_mask=heard).last_hidden_state
        return x.masked_fill(~valid[..., None], 0.0), lengths

    def convolved(self, samples: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """(B, N), (B,) frames -> (B, T, C): the model's convolutions, their normalisation over time of valid frames only."""
        more = self.field - self.num_features
        x = F.pad(samples, (0, more))[:, None]
        counts = torch.where(lengths > 0, lengths * self.num_features + more, 0)
        for layer in self.model.feature_extractor.conv_layers:
            x = layer.conv(x)
            counts = torch.where(counts > 0, (counts - layer.conv.kernel_size[0]) // layer.conv.stride[0] + 1, 0)
            norm = getattr(layer, "layer_norm", None)
            if isinstance(norm, nn.GroupNorm):
                x = normalized_over_time(x, length_mask(counts, x.shape[2])[:, None], norm)
            elif norm is not None:
                x = norm(x.transpose(1, 2)).transpose(1, 2)
            x = layer.activation(x)
        return x.transpose(1, 2)

    def masked(self, x: torch.Tensor) -> torch.Tensor:
        """(B, T, D) with spans replaced by the model's own vector for what is hidden."""
        length = int(self.model.config.mask_time_length)
        begins = torch.rand(x.shape[:2], device=x.device) < float(self.model.config.mask_time_prob) / length
        hidden = F.max_pool1d(F.pad(begins.float(), (length - 1, 0))[:, None], length, 1)[:, 0] > 0
        return torch.where(hidden[..., None], self.model.masked_spec_embed.to(x.dtype), x)


def read_json(folder: Path, name: str, otherwise: dict[str, Any] | None = None) -> dict[str, Any]:
    """A description in a folder; RecipeError if it is missing, unless there is an `otherwise`, or no table."""
    path = folder / name
    if not path.is_file() and otherwise is not None:
        return otherwise
    if not path.is_file():
        raise RecipeError(f"model.encoder.path: there is no {path}.", "Give the folder that `save_pretrained` wrote.")
    try:
        if path.stat().st_size > MOST:
            raise ValueError("too large")
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise RecipeError(f"model.encoder.path: {path} is not readable JSON ({error}).") from None
    if not isinstance(found, dict):
        raise RecipeError(f"model.encoder.path: {path} is no table of keys and values.")
    return found


def open_model(description: Mapping[str, Any], folder: Path | None) -> Any:
    """The library's model, with the folder's weights or fresh ones; its code alone is run, none that a folder brings."""
    kind = description.get("model_type")
    if kind not in KINDS:
        raise RecipeError(f"model.encoder: {kind!r} is no encoder that can be read.", f"There are: {', '.join(KINDS)}.")
    if folder is not None and not any((folder / name).is_file() for name in WEIGHTS):
        raise RecipeError(
            f"model.encoder.path: {folder} has no model.safetensors; pickled weights are not read, for they can run code.",
            "Save them again: model.save_pretrained(folder, safe_serialization=True).",
        )
    from huggingface_hub.errors import StrictDataclassError
    from safetensors import SafetensorError
    from transformers import AutoConfig, AutoModel

    options = {key: value for key, value in description.items() if key != "model_type"}
    try:
        config = AutoConfig.for_model(kind, **options)
        config._attn_implementation = "eager"
        if folder is None:
            return AutoModel.from_config(config)  # type: ignore[no-untyped-call, unused-ignore]
        return AutoModel.from_pretrained(
            str(folder), config=config, local_files_only=True, use_safetensors=True, attn_implementation="eager", dtype=torch.float32
        )
    except (*MISTAKES, SafetensorError, StrictDataclassError) as error:
        raise RecipeError(f"model.encoder: the model cannot be opened ({' '.join(str(error).split())[:200]}).") from None


def standardized(samples: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """(B, T, S), (B, T) -> the same with mean 0 and variance 1 over the valid frames of each utterance, zero past them."""
    counts = (valid.sum(1) * samples.shape[2]).clamp(min=1)[:, None, None]
    mean = samples.sum((1, 2), keepdim=True) / counts
    centred = (samples - mean) * valid[..., None]
    found: torch.Tensor = centred * torch.rsqrt((centred**2).sum((1, 2), keepdim=True) / counts + 1e-7)  # the library's epsilon
    return found


def normalized_over_time(x: torch.Tensor, valid: torch.Tensor, norm: nn.GroupNorm) -> torch.Tensor:
    """(B, C, T), (B, 1, T) -> a group normalisation of a group for each channel, whose statistics are of the valid frames."""
    counts = valid.sum(2, keepdim=True).clamp(min=1)
    mean = (x * valid).sum(2, keepdim=True) / counts
    variance = (((x - mean) * valid) ** 2).sum(2, keepdim=True) / counts
    return (x - mean) * torch.rsqrt(variance + norm.eps) * norm.weight[:, None] + norm.bias[:, None]

"""Optional dependencies: asked for before they are needed, so that a missing one is a sentence."""

from __future__ import annotations

from importlib.util import find_spec

from tympan.errors import MissingExtraError

MODULES = {
    "classic": ("pocketsphinx",),
    "comet": ("comet_ml",),
    "hf": ("transformers",),
    "lhotse": ("lhotse",),
    "mic": ("sounddevice",),
    "mlflow": ("mlflow",),
    "plot": ("matplotlib",),
    "scale": ("ray", "fsspec", "pandas", "pyarrow"),
    "serve": ("starlette", "uvicorn", "websockets", "prometheus_client", "python_multipart", "wyoming"),
    "text": ("num2words",),
    "train": ("torch", "lightning", "safetensors", "yaml", "onnx", "onnxscript", "tensorboard"),
    "wandb": ("wandb",),
}


def require(extra: str, what: str) -> None:
    """Make sure that an extra is installed, without importing anything of it.

    Args:
        extra: its name.
        what: the thing that needs it, the beginning of the sentence.

    Raises:
        MissingExtraError: one of its modules is not there; the hint installs it.
    """
    if missing := [module for module in MODULES[extra] if find_spec(module) is None]:
        raise MissingExtraError(f"{what} (it imports {missing[0]})", extra)

"""The precision of a training's matrix products."""

from __future__ import annotations

from typing import Literal

Precision = Literal["auto", "32-true", "bf16-mixed"]


def precision_here(asked: Precision) -> Literal["32-true", "bf16-mixed"]:
    """What "auto" means on this machine: bfloat16 where it is multiplied in hardware, twice as fast or more; elsewhere it is slower."""
    import torch

    if asked != "auto":
        return asked
    if torch.cuda.is_available():
        return "bf16-mixed" if torch.cuda.is_bf16_supported() else "32-true"
    capabilities: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()  # not in every torch of our range
    return "bf16-mixed" if capabilities.get("avx512_bf16") else "32-true"

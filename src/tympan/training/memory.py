"""Running out of memory, and how much was used."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import sys

import torch

# What allocators say: torch's on CPUs, CUDA's, cuBLAS's, cuDNN's, oneDNN's.
SIGNS = (
    "can't allocate memory",
    "not enough memory",
    "out of memory",
    "ALLOC_FAILED",
    "could not create a memory",
    "could not create a primitive",  # oneDNN, when it finds no room for its code or its scratch pad
    "bad_alloc",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that there was no memory for something."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in SIGNS)


def peak_bytes(device: torch.device) -> int:
    """The most memory that was used until now: of the GPU by torch, or of this process; 0 where the system does not tell."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if sys.platform == "win32":
        return 0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def release(device: torch.device) -> None:
    """Give back to the system what a failed attempt left, so that the next one finds it in whatever sizes it needs."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # not glibc
            ctypes.CDLL(None).malloc_trim(0)

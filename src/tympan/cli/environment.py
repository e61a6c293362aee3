"""What `tympan info` tells of this installation: the first thing that a report of a fault needs."""

from __future__ import annotations

import os
import platform
import re
import sys
import time
from importlib import metadata
from typing import Any

from tympan.errors import TympanError

TEST_S = 3.0  # of sound in the self-test
FOREIGN = ("numpy", "onnxruntime", "pydantic", "rapidfuzz", "rich", "soundfile", "soxr", "typer")  # what each installation has


def environment() -> dict[str, Any]:
    """Versions, machine, extras and models, as plain values; nothing in it names a person or a path."""
    import onnxruntime
    import soundfile

    from tympan import __version__
    from tympan.extras import MODULES
    from tympan.recognizer import installed_models
    from tympan.workers import cores

    return {
        "tympan": __version__,
        "python": f"{platform.python_version()} ({platform.python_implementation()}, {sys.maxsize.bit_length() + 1} bits)",
        "system": f"{platform.platform(terse=True)} {platform.machine()}",
        "processor": processor(),
        "cores": {"usable": cores(), "of": os.cpu_count()},
        "packages": {name: version_of(name) for name in FOREIGN},
        "libsndfile": soundfile.__libsndfile_version__,
        "providers": onnxruntime.get_available_providers(),
        "extras": {name: extra_of(name) for name in sorted((*MODULES, "media"))},
        "models": installed_models(),
    }


def processor() -> str:
    """Its name, where the system tells it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            found = re.search(r"^model name\s*:\s*(.+)$", file.read(), re.MULTILINE)
    except OSError:
        found = None
    return found[1] if found else platform.processor() or "unknown"


def version_of(name: str) -> str | None:
    """Of an installed package; None if there is none."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def extra_of(name: str) -> bool:
    """Whether all that an extra brings can be imported; nothing of it is."""
    from importlib.util import find_spec

    from tympan.extras import MODULES

    modules = {**MODULES, "media": ("av",)}[name]
    return all(find_spec(module) is not None for module in modules)


def self_test(model: str) -> dict[str, Any]:
    """Transcribe three seconds of made sound, and look at every number on the way.

    Returns:
        What was measured, in seconds, and `error`, a sentence, or None if all is well.
    """
    import numpy as np

    from tympan.recognizer import load

    begun = time.perf_counter()
    facts: dict[str, Any] = {"model": model, "audio_s": TEST_S, "load_s": None, "transcribe_s": None, "error": None}
    try:
        recognizer = load(model, threads=1)
        facts["load_s"] = round(time.perf_counter() - begun, 3)
        samples = buzz(recognizer.sample_rate)
        begun = time.perf_counter()
        transcript = recognizer.transcribe(samples)
        facts["transcribe_s"] = round(time.perf_counter() - begun, 3)
        if abs(transcript.duration - TEST_S) > 0.01:
            facts["error"] = f"{TEST_S:g} s of sound were heard as {transcript.duration:g} s."
        if recognizer.bundle.family == "ctc":
            sums = np.exp(recognizer.log_probs(samples)).sum(axis=1)
            if not len(sums) or not np.allclose(sums, 1, atol=1e-3):
                facts["error"] = "The network gives numbers that are no probabilities."
    except TympanError as error:
        facts["error"] = str(error)
    return facts


def buzz(sample_rate: int) -> Any:
    """(N,) float32: a voice without words, the same on every machine: pulses through two resonances, in syllables."""
    import numpy as np

    times = np.arange(round(TEST_S * sample_rate)) / sample_rate
    voice = sum(np.sin(2 * np.pi * 120 * harmonic * times) / harmonic for harmonic in range(1, 20))
    syllables = np.clip(np.sin(2 * np.pi * 2 * times), 0, 1)
    return (0.1 * voice * syllables).astype(np.float32)


def lines(facts: dict[str, Any]) -> list[str]:
    """For people."""
    extras = [name for name, there in facts["extras"].items() if there]
    absent = [name for name, there in facts["extras"].items() if not there]
    cores, tested = facts["cores"], facts["self_test"]
    rows = {
        "tympan": facts["tympan"],
        "python": facts["python"],
        "system": facts["system"],
        "processor": f"{facts['processor']}, {cores['usable']} of {cores['of']} cores usable",
        "packages": ", ".join(f"{name} {version or 'absent'}" for name, version in facts["packages"].items()),
        "libsndfile": facts["libsndfile"],
        "providers": ", ".join(facts["providers"]),
        "extras": f"{', '.join(extras) or 'none'}; not installed: {', '.join(absent) or 'none'}",
        "models": ", ".join(facts["models"]) or "none",
        "self-test": told(tested),
    }
    return [f"{name:12} {value}" for name, value in rows.items()]


def told(tested: dict[str, Any] | None) -> str:
    """The self-test in a line."""
    if tested is None:
        return "left out, for no model is inside"
    if tested["error"]:
        return f"FAILED: {tested['error']}"
    took = f"opened in {tested['load_s']:.2f} s, {tested['audio_s']:g} s of sound heard in {tested['transcribe_s']:.2f} s"
    return f"ok: {tested['model']} {took} on one thread"

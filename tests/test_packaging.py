"""What pyproject.toml, constraints.txt, Makefile and samples promise each other."""

from __future__ import annotations

import json
import re
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import soundfile
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import tympan

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # comes with pytest on 3.10

ROOT = Path(__file__).resolve().parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS = PROJECT["project"]["optional-dependencies"]
PINS = [Requirement(line) for line in (ROOT / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]
PYTHONS = ["3.10", "3.11", "3.12", "3.13"]


def requirements() -> list[Requirement]:
    listed = [*PROJECT["project"]["dependencies"], *(line for lines in EXTRAS.values() for line in lines)]
    return [Requirement(line) for line in listed]


def pins_for(name: str, python: str) -> list[str]:
    """The versions to which constraints.txt holds a package on Linux under one Python."""
    environment = {"python_version": python, "python_full_version": f"{python}.0", "sys_platform": "linux", "platform_machine": "x86_64"}
    fitting = [pin for pin in PINS if pin.marker is None or pin.marker.evaluate(environment)]
    return [next(iter(pin.specifier)).version for pin in fitting if canonicalize_name(pin.name) == canonicalize_name(name)]


def test_the_version_has_one_source() -> None:
    assert "version" not in PROJECT["project"]
    assert PROJECT["tool"]["scikit-build"]["metadata"]["version"]["input"] == "src/tympan/__init__.py"
    assert re.fullmatch(r"\d+\.\d+\.\d+", tympan.__version__)


def test_the_installed_version_is_the_package_s_own() -> None:
    try:
        installed = metadata.version("tympan")
    except metadata.PackageNotFoundError:
        pytest.skip("tympan runs from its source folder, not installed")
    assert installed == tympan.__version__


def test_the_extras_are_those_of_the_readme() -> None:
    assert set(EXTRAS) == {
        "classic",
        "comet",
        "dev",
        "hf",
        "lhotse",
        "media",
        "mic",
        "mlflow",
        "plot",
        "scale",
        "serve",
        "text",
        "train",
        "wandb",
    }


def test_the_runtime_asks_for_no_torch() -> None:
    assert not {"torch", "torchaudio", "lightning"} & {Requirement(line).name for line in PROJECT["project"]["dependencies"]}


@pytest.mark.parametrize("requirement", requirements(), ids=lambda requirement: requirement.name)
@pytest.mark.parametrize("python", PYTHONS)
def test_each_requirement_has_one_pin_within_its_range(requirement: Requirement, python: str) -> None:
    if requirement.marker is not None and not requirement.marker.evaluate({"python_version": python}):
        return  # not asked for there
    pins = pins_for(requirement.name, python)
    assert len(pins) == 1, f"constraints.txt gives {requirement.name} {pins or 'no version'} on Python {python}"
    assert pins[0] in requirement.specifier


def test_constraints_are_exact_and_each_once_for_a_python() -> None:
    assert all([spec.operator for spec in pin.specifier] == ["=="] for pin in PINS)
    for python in PYTHONS:
        assert {pin.name for pin in PINS if len(pins_for(pin.name, python)) > 1} == set()


def test_no_file_names_a_package_registry() -> None:
    for name in ("constraints.txt", "pyproject.toml", "Makefile", ".ci/run", "scripts/make_venv.sh"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert not re.search(r"index-url|find-links|pypi\.|pythonhosted|download\.pytorch", text), name


def test_lightning_is_at_least_the_version_that_does_not_run_a_checkpoint_s_code() -> None:
    lightning = next(Requirement(line) for line in EXTRAS["train"] if line.startswith("lightning"))
    assert "2.6.5" not in lightning.specifier  # CVE-2026-58659


def test_the_pythons_are_those_of_the_classifiers() -> None:
    classifiers = PROJECT["project"]["classifiers"]
    named = {line.rsplit(" ", 1)[1] for line in classifiers if re.search(r":: 3\.\d+$", line)}
    assert named == set(PYTHONS)
    supported = SpecifierSet(PROJECT["project"]["requires-python"])
    assert [python for python in ["3.9", *PYTHONS, "3.14"] if f"{python}.0" in supported] == PYTHONS


def test_the_samples_are_what_their_manifest_says() -> None:
    samples = ROOT / "samples"
    lines = [json.loads(line) for line in (samples / "manifest.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {line["audio_filepath"] for line in lines} == {path.name for path in samples.glob("*.opus")}
    for line in lines:
        assert soundfile.info(samples / line["audio_filepath"]).duration == pytest.approx(line["duration"], abs=0.01)
        assert line["id"] in (samples / "README.md").read_text(encoding="utf-8")

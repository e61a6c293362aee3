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
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import release_notes
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
WORKFLOWS = {path.stem: path for path in (ROOT / ".github" / "workflows").glob("*.yml")}


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
    names = ["constraints.txt", "pyproject.toml", "Makefile", ".ci/run", ".pre-commit-config.yaml"]
    for path in [*map(ROOT.joinpath, names), *(ROOT / "scripts").glob("*.*"), *WORKFLOWS.values()]:
        name, text = path.name, path.read_text(encoding="utf-8")
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


def test_what_the_makefile_installs_by_name_is_pinned() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (named,) = re.findall(r"venv-release/bin/python \$\(PIP_INSTALL\) (.+)", makefile)
    needed = [*named.split(), *(Requirement(line).name for line in PROJECT["build-system"]["requires"])]
    assert len(needed) == 4
    for name in needed:
        for python in PYTHONS:
            assert len(pins_for(canonicalize_name(name), python)) == 1, f"{name} on {python}"


def test_the_citation_is_of_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0" and citation["authors"] and citation["title"] == "Tympan"
    assert citation["version"] == tympan.__version__ and citation["license"] == PROJECT["project"]["license"]


def test_one_wheel_serves_all_pythons_from_the_stable_abi_on() -> None:
    (override,) = PROJECT["tool"]["scikit-build"]["overrides"]
    assert override["if"]["python-version"] == ">=3.12" and override["wheel"]["py-api"] == "cp312"
    built = PROJECT["tool"]["cibuildwheel"]["build"]
    assert built == [f"cp{python.replace('.', '')}-*" for python in PYTHONS]
    clip = re.search(r"samples/\S+", PROJECT["tool"]["cibuildwheel"]["test-command"])
    assert clip is not None and (ROOT / clip[0]).is_file()


@pytest.mark.parametrize(("name", "step"), [("tests", ".ci/run"), ("wheels", "pypa/cibuildwheel"), ("docs", "make docs")])
def test_workflows_do_what_their_names_say_with_few_rights(name: str, step: str) -> None:
    workflow = yaml.safe_load(WORKFLOWS[name].read_text(encoding="utf-8"))
    steps = [each for job in workflow["jobs"].values() for each in job["steps"]]
    assert any(step in each.get("run", "") or each.get("uses", "").startswith(step) for each in steps)
    assert workflow["permissions"] == {"contents": "read"}
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@v\d+", each["uses"]) for each in steps if "uses" in each)
    assert all("timeout-minutes" in job for job in workflow["jobs"].values())


def test_the_tests_run_on_every_python() -> None:
    workflow = yaml.safe_load(WORKFLOWS["tests"].read_text(encoding="utf-8"))
    assert workflow["jobs"]["tests"]["strategy"]["matrix"]["python"] == PYTHONS


def test_hooks_before_a_commit_are_the_lint_s_own_tools() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    hooks = [hook for repository in config["repos"] for hook in repository["hooks"]]
    assert {repository["repo"] for repository in config["repos"]} == {"local"} and all(hook["language"] == "system" for hook in hooks)
    lint = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert {hook["entry"].split()[0] for hook in hooks} == set(re.findall(r"^\t(\.venv/bin/(?:ruff|mypy))\b", lint, re.MULTILINE))


def test_a_report_of_a_fault_asks_for_tympan_info() -> None:
    form = yaml.safe_load((ROOT / ".github" / "ISSUE_TEMPLATE" / "fault.yml").read_text(encoding="utf-8"))
    (asked,) = [field for field in form["body"] if "`tympan info`" in field["attributes"]["label"]]
    assert asked["validations"]["required"]


def test_release_notes_are_the_changelog_s_section() -> None:
    changelog = "# Changelog\n\n## [Unreleased]\n\n## [0.2.0] - 2026-12-01\n\nDo this.\n\n### Added\n\n- a\n\n## [0.1.0]\n\n- b\n"
    assert release_notes.notes_of("0.2.0", changelog) == "Do this.\n\n### Added\n\n- a\n"
    assert release_notes.notes_of("0.1.0", changelog) == "- b\n"
    for nothing in ("Unreleased", "0.20", "0.3.0"):
        with pytest.raises(LookupError, match=re.escape(nothing)):
            release_notes.notes_of(nothing, changelog)

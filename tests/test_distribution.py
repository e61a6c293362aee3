"""What is published: contents of sdist and wheel, and that they are made again byte by byte."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import tympan

ROOT = Path(__file__).resolve().parent.parent
LARGE = {"src/tympan/assets/english.scorer", "src/tympan/assets/english.tympan"}  # the only files above a mebibyte
MOST_BYTES = {"sdist": 30 << 20, "wheel": 30 << 20}
TOOLS_ARE_THERE = shutil.which("cmake") and shutil.which("ninja")


def built(kind: str, source: Path, output: Path, epoch: str = "1700000000") -> Path:
    """`build_sdist` or `build_wheel` of the backend, in a process of its own."""
    output.mkdir(parents=True)
    code = f"import sys; from scikit_build_core.build import build_{kind}; print(build_{kind}(sys.argv[1]))"
    environment = {**os.environ, "SOURCE_DATE_EPOCH": epoch, "CMAKE_BUILD_PARALLEL_LEVEL": "2"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(output)], cwd=source, env=environment, capture_output=True, text=True, timeout=1800
    )
    assert done.returncode == 0, done.stderr[-3000:]
    (made,) = output.iterdir()
    return made


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built("sdist", ROOT, tmp_path_factory.mktemp("sdist") / "out")


def unpacked(sdist: Path, folder: Path) -> Path:
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    return folder / f"tympan-{tympan.__version__}"


def test_the_sdist_holds_what_builds_and_no_tests(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        sizes = {member.name.partition("/")[2]: member.size for member in archive if member.isfile()}
    assert sdist.stat().st_size < MOST_BYTES["sdist"]
    kept = subprocess.run(["git", "ls-files", "src", "native", "docs", "recipes"], cwd=ROOT, capture_output=True, text=True, check=False)
    if kept.returncode == 0 and kept.stdout:
        assert set(kept.stdout.split()) <= set(sizes)
    assert LARGE | {"pyproject.toml", "constraints.txt", "LICENSE", "README.md", "CITATION.cff", "native/CMakeLists.txt"} <= set(sizes)
    assert {name for name, size in sizes.items() if size > 1 << 20} == LARGE
    foreign = [
        name
        for name in sizes
        if re.match(r"(tests|fuzz|benchmarks|build|dist|work|runs)/|\.", name) or re.search(r"_native.*\.so$|\.pyc$", name)
    ]
    assert not foreign


@pytest.mark.long
@pytest.mark.skipif(not TOOLS_ARE_THERE, reason="cmake and ninja are not on the path")
def test_wheels_from_two_places_are_equal_byte_by_byte(sdist: Path, tmp_path: Path) -> None:
    again = built("sdist", ROOT, tmp_path / "sdist")
    assert again.read_bytes() == sdist.read_bytes()
    wheels = [built("wheel", unpacked(sdist, tmp_path / place), tmp_path / place / "out") for place in ("one", "another/deeper")]
    assert wheels[0].name == wheels[1].name and wheels[0].read_bytes() == wheels[1].read_bytes()
    expected = "cp312-abi3" if sys.version_info >= (3, 12) else f"cp3{sys.version_info[1]}-cp3{sys.version_info[1]}"
    assert expected in wheels[0].name
    check_wheel(wheels[0])


def check_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        sizes = {info.filename: info.file_size for info in archive.infolist()}
        (native,) = [name for name in sizes if name.startswith("tympan/_native") and not name.endswith(".pyi")]
        code = archive.read(native)
    assert wheel.stat().st_size < MOST_BYTES["wheel"]
    assert {name.partition("/")[0] for name in sizes} == {"tympan", f"tympan-{tympan.__version__}.dist-info"}
    assert {name for name, size in sizes.items() if size > 1 << 20} <= {name.removeprefix("src/") for name in LARGE} | {native}
    own = {f"tympan/{path.relative_to(ROOT / 'src' / 'tympan')}" for path in (ROOT / "src" / "tympan").rglob("*.py")}
    assert own | {"tympan/py.typed", "tympan/_native.pyi", "tympan/serve/page/index.html"} <= set(sizes)
    assert not [name for name in sizes if "test" in Path(name).name and name.startswith("tympan/") and name not in own]
    assert any(name.endswith("LICENSE") for name in sizes) and any("CMUDICT-LICENSE" in name for name in sizes)
    assert b"/tmp/" not in code and str(Path.home()).encode() not in code  # where it was built is nobody's business

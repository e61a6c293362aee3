"""The fuzz targets without their fuzzer: each takes its seeds, and some damage to them. `make fuzz` looks further."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TARGETS = sorted(path.stem.removeprefix("fuzz_") for path in (ROOT / "fuzz").glob("fuzz_*.py"))
# In place of atheris, which is made for Linux alone: what it would give to the target, drawn by chance.
RUN = """
import contextlib, os, pathlib, random, runpy, sys, types

target, seeds = sys.argv[1:]

def fuzz():
    chance = random.Random(7)
    for path in sorted(pathlib.Path(seeds).iterdir()):
        data = path.read_bytes()
        for count in (0, 1, 1, 2, 8):
            damaged = bytearray(data)
            for _ in range(count):
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
            made["test_one"](bytes(damaged))
            made["runs"] += 1
    print("runs", made["runs"], flush=True)
    os._exit(0)  # the server's threads have no end

made = {"runs": 0}
atheris = types.ModuleType("atheris")
atheris.instrument_imports = lambda **_: contextlib.nullcontext()
atheris.Setup = lambda arguments, test_one: made.update(test_one=test_one)
atheris.Fuzz = fuzz
sys.modules["atheris"] = atheris
sys.path.insert(0, str(pathlib.Path(target).parent))
runpy.run_path(target, run_name="__main__")
"""


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("av", reason="seeds in FFmpeg's containers are made with the extra 'media'")
    folder = tmp_path_factory.mktemp("seeds")
    subprocess.run([sys.executable, str(ROOT / "fuzz" / "seeds.py"), str(folder)], check=True, timeout=300)
    return folder


def test_every_target_is_run_by_make_fuzz() -> None:
    script = (ROOT / "scripts" / "fuzz.sh").read_text(encoding="utf-8")
    assert f"set -- {' '.join(TARGETS)} native\n" in script


@pytest.mark.parametrize("target", TARGETS)
def test_target_takes_its_seeds_and_damage(target: str, seeds: Path) -> None:
    command = [sys.executable, "-c", RUN, str(ROOT / "fuzz" / f"fuzz_{target}.py"), str(seeds / target)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    assert f"runs {5 * len(list((seeds / target).iterdir()))}" in done.stdout

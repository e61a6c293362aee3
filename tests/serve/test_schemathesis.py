"""The server against its own document: schemathesis asks what the document allows, and what it does not."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from serving import TOKEN, running
from tympan.serve.documents import document

TESTS = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("examples", [15, pytest.param(1500, marks=pytest.mark.long)])
def test_answers_are_those_of_the_document(examples: int, tmp_path: Path) -> None:
    """Statuses, headers, types, schemas, methods, tokens; what is allowed is answered, what is not is refused."""
    (tmp_path / "tokens").write_text(TOKEN)
    hooks = {"SCHEMATHESIS_HOOKS": "schemathesis_hooks", "PYTHONPATH": os.pathsep.join([str(TESTS / "serve"), str(TESTS), *sys.path])}
    with running(tmp_path, "--token", str(tmp_path / "tokens")) as (_, address, lines):
        command = [sys.executable, "-m", "schemathesis.cli", "run", f"{address}/openapi.json", "--header", f"Authorization: Bearer {TOKEN}"]
        command += ["--checks", "all", "--mode", "all", "--phases", "examples,coverage,fuzzing", "--max-examples", str(examples)]
        command += ["--seed", "7", "--generation-database", "none", "--no-color", "--suppress-health-check", "all"]
        done = subprocess.run(command, cwd=tmp_path, env={**os.environ, **hooks}, capture_output=True, text=True)
        told = re.sub(r"[^\n -~]+|(\\x[0-9a-f]{2}.?)+", "~", done.stdout)  # less the recordings that it sent
        assert done.returncode == 0, told[-20_000:] + done.stderr[-2000:]
        (tested,) = re.findall(r"Tested: (\d+)", told)
        assert int(tested) >= len(document("openapi")["paths"]) - 1, told  # it may leave out the address of the document itself
        assert not any("Traceback" in line for line in lines), "".join(lines)[-5000:]

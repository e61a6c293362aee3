"""What holds for every command: groups, examples, flags, exit codes, completion."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from tympan.cli.main import COMMANDS, EPILOG, app

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
COMMAND: Any = typer.main.get_command(app)


def walk(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command and group, by its path below `tympan`."""
    yield path, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from walk(inner, (*path, name))


ALL = dict(walk(COMMAND))
LEAVES = {path: command for path, command in ALL.items() if not hasattr(command, "commands")}


def options(command: Any) -> dict[str, Any]:
    """Flag -> parameter."""
    return {flag: parameter for parameter in command.params if parameter.param_type_name == "option" for flag in parameter.opts}


def test_help_groups_the_commands_by_those_who_use_them() -> None:
    shown = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"}).output
    order = [shown.index(f"─ {panel} ─") for panel in COMMANDS]
    assert len(order) == 3 and order == sorted(order)
    assert {command.rich_help_panel for command in COMMAND.commands.values()} == set(COMMANDS)
    for name, command in COMMAND.commands.items():
        begin = shown.index(f"─ {command.rich_help_panel} ─")
        assert re.search(rf"│ {name} ", shown[begin : shown.index("╰", begin)]), name


def examples(command: Any) -> list[str]:
    """The lines of its help that are commands."""
    _, found, text = (command.help or "").partition("Examples:")
    return [line.strip() for line in text.splitlines() if found and re.match(r" {4}\S", line)]


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_help_has_examples_that_the_command_takes(path: tuple[str, ...]) -> None:
    lines = examples(ALL[path])
    assert lines, f"tympan {' '.join(path)} --help has no examples"
    own = " ".join(("tympan", *path))
    assert any(own in line for line in lines), lines
    for line in lines:
        found = re.search(r"(?:^|\| )tympan (.*)", line)
        if found is None:  # curl, for the server
            continue
        words = shlex.split(found[1].split(" > ")[0])
        command: Any = COMMAND
        while hasattr(command, "commands"):
            command = command.commands[words.pop(0)]
        with command.make_context("tympan", words):  # raises what the user would be told
            pass


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_a_flag_means_the_same_in_every_command(path: tuple[str, ...]) -> None:
    flags = options(LEAVES[path])
    for long, short in (("--model", "-m"), ("--output", "-o"), ("--jobs", "-j"), ("--format", "-f"), ("--dictionary", "-d")):
        assert (long in flags) == (short in flags) and flags.get(long) is flags.get(short), f"{long} without {short}, or the other way"
    if "--json" in flags:
        assert flags["--json"].is_flag and flags["--json"].default is False
    if "--jobs" in flags:
        assert isinstance(flags["--jobs"].default, int)
    if "--model" in flags:
        assert re.search(r"tympan|'english'", flags["--model"].help), flags["--model"].help
    assert not {flag for flag in flags if re.match(r"-[^-]", flag)} - {"-m", "-o", "-j", "-f", "-d", "-n"}, (
        "a short form that is nowhere else"
    )


def test_the_page_tells_the_flags_that_several_commands_share() -> None:
    for flag in ("--model", "--output", "--json", "--jobs", "--threads", "--scorer", "--format", "--dictionary", "--set", "--dry-run"):
        assert f"| `{flag}`" in PAGE and sum(flag in options(command) for command in LEAVES.values()) > 1, flag


def test_exit_codes_are_those_of_the_page() -> None:
    told = {int(code) for code in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)}
    assert told == {int(code) for code in re.findall(r"\b\d+\b", EPILOG)} == {0, 1, 2, 130}
    for path in (ROOT / "src" / "tympan" / "cli").glob("*.py"):
        for code in re.findall(r"(?:Exit|exit)\((.*?)\)", path.read_text(encoding="utf-8")):
            assert set(map(int, re.findall(r"\d+", code))) <= told, path


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--help"], 0),
        (["data", "doctor", "--explain", "D101"], 0),
        (["data", "doctor", "bad.jsonl", "--no-audio"], 1),
        (["transcribe", "absent.wav"], 2),
        (["transcribe", "--no-such-flag"], 2),
        (["no-such-command"], 2),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, list) else None,
)
def test_commands_end_with_the_codes_of_the_page(arguments: list[str], code: int, tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text('{"audio_filepath": "a.wav", "duration": 1, "text": "a"}\n{"audio_filepath"\n')
    done = subprocess.run([sys.executable, "-m", "tympan", *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == code, done.stderr
    assert (code == 2) == bool(done.stderr) and "Traceback" not in done.stderr


def test_ctrl_c_ends_with_130_and_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tympan.cli.environment.environment", interrupted)
    done = CliRunner().invoke(app, ["info"])
    assert done.exit_code == 130 and "Traceback" not in done.output


def completed(line: str) -> list[str]:
    """What bash would offer after the line; a part of a word at its end is completed."""
    words = line.split(" ")
    environment = {**os.environ, "_TYMPAN_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    code = "import sys; sys.argv = ['tympan']; from tympan.cli import main; main()"
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=300).stdout.split()


def test_commands_and_flags_complete() -> None:
    assert completed("tympan tr") == ["transcribe", "train"]
    assert completed("tympan transcribe --mo") == ["--model"]
    assert completed("tympan lm ad") == ["add-words"]

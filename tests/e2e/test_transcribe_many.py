"""`tympan transcribe` on many recordings: processes, what is there already, what dies, what is shown."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from strategies import Run

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = sorted((ROOT / "samples").glob("*.opus"))
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
PATIENCE_S = 120  # of tests that would hang if a process outlived its command

needs_proc = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="processes are looked up and waited for as Linux does it")


def start(*arguments: object, **options: object) -> subprocess.Popen[str]:
    """The command in a process group of its own, as a terminal starts it: Ctrl-C is ignored where the tests run in the background."""
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from tympan.cli.main import main; main()"
    command = [sys.executable, "-c", code, "transcribe", *map(str, arguments)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT, start_new_session=True, **options
    )  # type: ignore[call-overload]


@pytest.mark.parametrize(
    "options", [(), ("--hot-word", "spaniards:6", "--explain"), ("--scorer", "none", "--format", "json", "--readable")]
)
def test_several_processes_print_what_one_prints(tympan: Run, tmp_path: Path, options: tuple[str, ...]) -> None:
    (tmp_path / "none.wav").write_text("no audio\n")
    files = [SAMPLES[2], tmp_path / "none.wav", *SAMPLES, tmp_path / "missing.wav"]
    one, three = (tympan("transcribe", *files, *options, "--jobs", jobs, "--threads", 1) for jobs in (1, 3))
    assert one.returncode == three.returncode == 2
    assert one.stdout == three.stdout and one.stderr == three.stderr
    complaints = one.stderr.splitlines()
    assert "none.wav" in complaints[0] and "missing.wav" in complaints[1]
    assert complaints[-1] == "tympan: 2 of 7 recordings could not be transcribed."
    assert ("spaniards" in one.stdout) == ("--explain" in options)


def test_folder_keeps_its_subfolders_and_what_is_there_is_skipped(tympan: Run, tmp_path: Path) -> None:
    for name in ("a/clip.opus", "b/clip.opus", "clip.opus"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(SAMPLES[3], tmp_path / "in" / name)
    out = tmp_path / "out"
    (out / "a").mkdir(parents=True)
    (out / "a" / "clip.txt").write_text("mine\n")
    result = tympan("transcribe", tmp_path / "in", "-o", out, "--jobs", 2, "--skip-existing")
    assert (result.returncode, result.stdout) == (0, "")
    assert result.stderr == f"1 of 3 skipped: in {out} already\n"
    texts = {path.relative_to(out).as_posix(): path.read_text() for path in out.rglob("*") if path.is_file()}
    assert texts["a/clip.txt"] == "mine\n"
    assert texts["b/clip.txt"] == texts["clip.txt"] != ""
    assert len(texts) == 3
    again = tympan("transcribe", tmp_path / "in", "-o", out, "--skip-existing", "--model", "is not even opened")
    assert (again.returncode, again.stderr) == (0, f"3 of 3 skipped: in {out} already\n")


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (("--skip-existing",), "no effect without --output"),
        (("--readable", "--explain"), "--readable changes them"),
        (("--jobs", "2", "--model", "klingon"), "klingon"),
        (("--jobs", "2", "--scorer", "README.md"), "README.md"),
    ],
)
def test_options_that_cannot_be_are_a_sentence(tympan: Run, options: tuple[str, ...], part: str) -> None:
    result = tympan("transcribe", *SAMPLES, *options)
    assert result.returncode == 2 and result.stdout == ""
    assert part in result.stderr and "Traceback" not in result.stderr


def test_output_that_cannot_be_written_is_a_sentence(tympan: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = tympan("transcribe", *SAMPLES, "-o", tmp_path / "file", "--jobs", 2)
    assert result.returncode == 2
    assert "cannot be written" in result.stderr and "Traceback" not in result.stderr


def test_recording_that_ends_early_is_told_in_a_sentence(tympan: Run, tmp_path: Path) -> None:
    half = tmp_path / "half.opus"
    content = SAMPLES[0].read_bytes()
    half.write_bytes(content[: len(content) * 2 // 3])
    for jobs in (1, 2):
        result = tympan("transcribe", half, SAMPLES[3], "--jobs", jobs)
        assert result.returncode == 0 and len(result.stdout.splitlines()) == 2
        assert len(result.stderr.splitlines()) == 1
        assert result.stderr.startswith(f"tympan: {half} ends early")


def test_readable_text_has_numbers_capitals_and_full_stops(tympan: Run) -> None:
    transcripts = [json.loads(tympan("transcribe", SAMPLES[1], "--format", "json", *options).stdout) for options in ((), ("--readable",))]
    said, read = (transcript["text"] for transcript in transcripts)
    assert read == said[0].upper() + said[1:] + "."
    words = [word for segment in transcripts[1]["segments"] for word in segment["words"]]
    assert " ".join(word["text"] for word in words) == read
    subtitles = tympan("transcribe", SAMPLES[1], "--format", "srt", "--readable").stdout
    assert read.split()[-1] in subtitles


def test_model_of_another_language_is_not_made_readable(tympan: Run, tmp_path: Path) -> None:
    from dataclasses import replace

    from tympan.bundle import Bundle
    from tympan.recognizer import MODELS

    bundle = Bundle.open(MODELS / "english.tympan")
    replace(bundle, language="fr").write(tmp_path / "french.tympan")
    result = tympan("transcribe", SAMPLES[0], "--readable", "--scorer", "none", "--model", tmp_path / "french.tympan")
    assert (result.returncode, result.stdout) == (2, "")
    assert "'fr'" in result.stderr and "Traceback" not in result.stderr


@needs_proc
def test_interrupt_ends_all_processes_without_a_traceback() -> None:
    """The pipes end only when nobody holds them any more, so that a worker which lived on would be waited for in vain."""
    command = start(*SAMPLES * 200, "--jobs", 2)
    assert command.stdout is not None
    assert command.stdout.readline().startswith(str(SAMPLES[0]))
    os.killpg(command.pid, signal.SIGINT)
    output, errors = command.communicate(timeout=PATIENCE_S)
    assert command.returncode != 0
    assert "Traceback" not in errors and "Error" not in errors, errors
    assert len(output.splitlines()) < len(SAMPLES) * 200 - 1


@needs_proc
def test_interrupt_while_processes_start_leaves_no_traceback(tmp_path: Path) -> None:
    """Workers are still importing when the pipe's reader opens; the command itself may be anywhere."""
    pipe = tmp_path / "pipe.wav"
    os.mkfifo(pipe)
    command = start(pipe, *SAMPLES, "--jobs", 3)
    with open(pipe, "wb"):  # opened by the first worker that is ready; the others may be still on their way
        os.killpg(command.pid, signal.SIGINT)
        _, errors = command.communicate(timeout=PATIENCE_S)
    assert command.returncode != 0 and "Traceback" not in errors, errors


def members(group: int) -> set[int]:
    """The processes of a group."""
    found = set()
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            if os.getpgid(int(folder.name)) == group:
                found.add(int(folder.name))
    return found


def holder(path: Path, group: int) -> int:
    """The process of a group that has this file open."""
    for process in members(group):
        with contextlib.suppress(OSError):
            if any(os.path.realpath(link) == str(path) for link in Path(f"/proc/{process}/fd").iterdir()):
                return process
    raise AssertionError("no process has it open")


def kill_and_wait(process: int) -> None:
    """A process that is dying may still hold what it had open."""
    descriptor = os.pidfd_open(process)
    os.kill(process, signal.SIGKILL)
    select.select([descriptor], [], [], PATIENCE_S)
    os.close(descriptor)


@needs_proc
@pytest.mark.parametrize("kills", [1, 2])
def test_worker_that_is_killed_costs_one_recording_if_it_happens_twice(tmp_path: Path, kills: int) -> None:
    """A pipe is a recording that stops its worker wherever we like."""
    pipe = tmp_path.resolve() / "pipe.wav"
    os.mkfifo(pipe)
    command = start(SAMPLES[3], pipe, SAMPLES[1], SAMPLES[2], "--jobs", 2)
    known: set[int] = set()
    for _ in range(kills):
        with open(pipe, "wb"):
            reader = holder(pipe, command.pid)
            assert reader not in known, "the second try is a fresh process's"
            known = members(command.pid)
            kill_and_wait(reader)
    if kills == 1:
        with open(pipe, "wb") as writer:
            writer.write(SAMPLES[0].read_bytes())
    output, errors = command.communicate(timeout=PATIENCE_S)
    files = [Path(line.split(": ")[0]) for line in output.splitlines()]
    if kills == 1:
        assert (command.returncode, errors) == (0, "")
        assert files == [SAMPLES[3], pipe, SAMPLES[1], SAMPLES[2]]
    else:
        assert command.returncode == 2 and files == [SAMPLES[3], SAMPLES[1], SAMPLES[2]]
        told, closing = errors.splitlines()
        assert str(pipe) in told and "SIGKILL" in told
        assert closing == "tympan: 1 of 4 recordings could not be transcribed."


@pytest.mark.parametrize("printed_to", ["a file", "the terminal"])
def test_terminal_shows_audio_time_and_the_text_goes_where_it_should(tmp_path: Path, printed_to: str) -> None:
    pty = pytest.importorskip("pty", reason="this system has no terminals to ask for")
    reader, terminal = pty.openpty()
    arguments = [sys.executable, "-m", "tympan", "transcribe", *map(str, SAMPLES[:2]), "--jobs", "2"]
    with open(tmp_path / "out.txt", "w") as file:
        stdout = file if printed_to == "a file" else terminal
        environment = {**ENVIRONMENT, "TERM": "xterm"}
        with subprocess.Popen(arguments, stdin=terminal, stdout=stdout, stderr=terminal, env=environment) as command:
            os.close(terminal)
            shown = b""
            while chunk := read_terminal(reader):
                shown += chunk
    os.close(reader)
    assert command.returncode == 0
    text = shown.decode()
    assert " of 0:1" in text and " x real time" in text and "left" in text
    where = (tmp_path / "out.txt").read_text() if printed_to == "a file" else text
    for sample in SAMPLES[:2]:
        assert where.count(f"{sample}: ") == 1
        assert (str(sample) in text) == (printed_to == "the terminal")
        assert re.search(rf"(^|\n|\x1b\[2K)(\x1b\[\?25h)?{re.escape(str(sample))}: ", where), "a text behind the bar, on its line"
    assert printed_to == "the terminal" or "real time" not in where


def read_terminal(reader: int) -> bytes:
    """What a terminal was told; nothing once nobody holds its other end."""
    try:
        return os.read(reader, 65536)
    except OSError:  # Linux says so by EIO
        return b""

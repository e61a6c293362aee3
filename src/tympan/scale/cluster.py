"""Finding a Ray cluster, or starting one on this machine."""

from __future__ import annotations

import io
import logging
import os
import re
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any, TextIO

from tympan.errors import TympanError
from tympan.extras import require
from tympan.workers import cores

HOST_AND_PORT = re.compile(r"(?:ray://)?(?P<host>[^\s/:]+|\[[0-9a-fA-F:]+\]):(?P<port>\d{1,5})")
FORMS = "Give 'local' (this machine), 'auto' (the cluster that this machine belongs to), HOST:PORT or ray://HOST:PORT."
LOCAL_STORE_BYTES = 200 << 20  # results are small, and Ray writes to the disk what does not fit
ANSWER_S = 10.0  # for a host to answer at all


@contextmanager
def connected(address: str) -> Iterator[None]:
    """Be connected to a cluster within the block; one that was started for it ends with it. A connection that there is stays.

    What Ray has to say goes to stderr, the first line of each message: stdout belongs to results.

    Args:
        address: "local", "auto", "host:port" or "ray://host:port".

    Raises:
        MissingExtraError: Ray is not installed.
        TympanError: an address of another form, or nobody answers there.
    """
    match = HOST_AND_PORT.fullmatch(address)
    if address not in ("local", "auto") and match is None:
        raise TympanError(f"{address!r} is no address of a cluster.", FORMS)
    require("scale", "A cluster")
    quieten()
    import ray

    if match is not None:
        look_for(match["host"].strip("[]"), int(match["port"]))
    found = ray.is_initialized()
    with redirect_stdout(FirstLines(sys.stderr)), tempfile.TemporaryDirectory(prefix="tympan-", ignore_cleanup_errors=True) as folder:
        if not found:
            start(address, folder)
        try:
            yield
        finally:
            if not found:
                ray.shutdown()


def start(address: str, folder: str) -> None:
    """Connect, or start a cluster of this machine's processors with its files in `folder`; TympanError if nobody answers."""
    import ray

    options: dict[str, Any] = {"address": address, "log_to_driver": False, "logging_level": logging.ERROR}
    if address == "local":
        options |= {"num_cpus": cores(), "include_dashboard": False, "object_store_memory": LOCAL_STORE_BYTES, "_temp_dir": folder}
    try:
        with muted_descriptor():
            ray.init(**options)
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:  # ConnectionError is an OSError
        reason = " ".join(str(error).split())[:300]
        raise TympanError(f"The cluster {address} cannot be joined ({reason}).", FORMS) from None


def quieten() -> None:
    """Let Ray say only what matters, and nothing to its makers; what the user has set remains."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # its C++ part writes to stderr as it likes


@contextmanager
def muted_descriptor() -> Iterator[None]:
    """Lose what is written to descriptor 2 itself: Ray's C++ part reports there that it was told to be quiet. Errors are exceptions."""
    sys.stderr.flush()
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


def look_for(host: str, port: int) -> None:
    """TympanError if nobody answers; Ray itself would try for a minute."""
    try:
        socket.create_connection((host, port), timeout=ANSWER_S).close()
    except (OSError, OverflowError, UnicodeError) as error:
        raise TympanError(f"No cluster answers at {host}:{port} ({error}).", "Is it running? `ray status` on its head tells.") from None


class FirstLines(io.TextIOBase):
    """Passes on the first line of each message; Ray sends twenty lines of a dead machine's log behind it."""

    def __init__(self, to: TextIO) -> None:
        self.to = to

    def write(self, text: str) -> int:
        first, newline, rest = text.partition("\n")
        self.to.write(first if rest else first + newline)
        return len(text)

    def flush(self) -> None:
        self.to.flush()

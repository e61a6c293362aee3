from __future__ import annotations

import importlib.util
import io
import socket

import pytest

from tympan import extras, scale
from tympan.errors import MissingExtraError, TympanError
from tympan.scale.cluster import FirstLines


def join(address: str) -> None:
    with scale.connected(address):
        pass


@pytest.mark.parametrize("address", ["", "here", "host", "host:", "host:port", "http://host:1", "ray://host", "host:123456"])
def test_other_forms_of_addresses_are_refused_with_those_that_there_are(address: str) -> None:
    with pytest.raises(TympanError, match=r"no address of a cluster.*HOST:PORT"):
        join(address)


@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_an_address_where_nobody_answers_is_told_at_once(scheme: str) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with pytest.raises(TympanError, match=f"No cluster answers at 127.0.0.1:{port}"):
        join(f"{scheme}127.0.0.1:{port}")


def test_without_ray_the_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "ray" else found(name))
    with pytest.raises(MissingExtraError, match=r"A cluster \(it imports ray\) needs the extra 'scale'.*pip install 'tympan\[scale\]'"):
        join("local")


def test_of_long_messages_the_first_line_is_passed_on() -> None:
    out = io.StringIO()
    print("one", "line", file=FirstLines(out))
    print("(raylet) It died. Its log:\n  many\n  lines", file=FirstLines(out))
    assert out.getvalue() == "one line\n(raylet) It died. Its log:\n"

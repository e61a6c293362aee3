"""The page's files, and under what policy they come; tests/e2e/test_page.py opens it in a browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from serving import TOKEN, served
from tympan.serve.guard import read_tokens
from tympan.serve.page import MEDIA

FOLDER = resources.files("tympan.serve").joinpath("page")
FILES = {file.name: file.read_text(encoding="utf-8") for file in FOLDER.iterdir()}
SVG = "http://www.w3.org/2000/svg"  # the name of a language, which no browser fetches


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with served(tmp_path_factory.mktemp("server")) as client:
        yield client


def policy(client: TestClient) -> dict[str, str]:
    parts = client.get("/").headers["content-security-policy"].split("; ")
    return {name: value for name, _, value in (part.partition(" ") for part in parts)}


def test_page_is_at_the_root_and_its_parts_beside_it(client: TestClient) -> None:
    index = client.get("/")
    assert index.status_code == 200 and index.headers["content-type"] == "text/html; charset=utf-8"
    named = set(re.findall(r'(?:src|href)="(page/[^"]+)"', index.text))
    assert named == {"page/icon.svg", "page/page.css", "page/page.js"}
    for name, text in FILES.items():
        answer = client.get(f"/page/{name}")
        assert answer.status_code == 200 and answer.text == text
        assert answer.headers["content-type"] == MEDIA[name.rpartition(".")[2]]


def test_modules_import_only_what_is_there() -> None:
    for name, text in FILES.items():
        if name.endswith(".js"):
            assert {path.removeprefix("./") for path in re.findall(r'from "([^"]+)"', text)} <= set(FILES), name


def test_policy_lets_nothing_in_from_elsewhere_and_nothing_out(client: TestClient) -> None:
    rules = policy(client)
    assert rules["default-src"] == "'none'" and rules["script-src"] == rules["style-src"] == rules["connect-src"] == "'self'"
    assert rules["frame-ancestors"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert rules["require-trusted-types-for"] == "'script'" and rules["trusted-types"] == "'none'"
    assert not re.search(r"unsafe|https?:|\*", " ".join(rules.values()))


@pytest.mark.parametrize("path", ["/", "/page/page.js", "/page/worklet.js", "/page/page.css", "/page/icon.svg"])
def test_each_file_comes_with_the_headers(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY" and headers["cache-control"] == "no-cache"
    assert "microphone=(self)" in headers["permissions-policy"] and "content-security-policy" in headers


def test_a_file_that_did_not_change_is_not_sent_again(client: TestClient) -> None:
    tag = client.get("/page/page.js").headers["etag"]
    for sent in (tag, f'"other", W/{tag}'):
        again = client.get("/page/page.js", headers={"if-none-match": sent})
        assert again.status_code == 304 and not again.content and again.headers["etag"] == tag
    assert client.get("/page/page.js", headers={"if-none-match": '"other"'}).status_code == 200
    assert client.get("/page/page.css").headers["etag"] != tag


@pytest.mark.parametrize(
    "path", ["/page/", "/page/none.js", "/page/..%2fguard.py", "/page/%2e%2e/page.py", "/page/page.js/x", "/page/__init__.py", "/page.js"]
)
def test_other_files_are_not_there(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404 and "error" in answer.json()


def test_page_can_only_be_read(client: TestClient) -> None:
    assert client.head("/").status_code == 200
    assert client.post("/").status_code == client.put("/page/page.js").status_code == 405


def test_page_opens_without_the_token_that_all_else_asks_for(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text(TOKEN)
    with served(tmp_path, tokens=read_tokens(tmp_path / "tokens")) as client:
        assert client.get("/").status_code == client.get("/page/page.js").status_code == 200
        for path in ("/v1/models", "/metrics", "/pages", "/page"):
            assert client.get(path).status_code == 401


def test_no_file_names_another_host() -> None:
    for name, text in FILES.items():
        found = re.findall(r"(?:https?:|wss?:|[\"'(=])//[^\s\"')]+|https?://[^\s\"')]+", text.replace(SVG, ""))
        assert found == [], name


def test_no_script_or_style_stands_in_the_markup_and_no_text_becomes_markup() -> None:
    class Markup(HTMLParser):
        def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
            names = dict(attributes)
            assert tag != "style" and "style" not in names and not [name for name in names if name.startswith("on")]
            assert tag != "script" or "src" in names

    Markup().feed(FILES["index.html"])
    sinks = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|DOMParser|setTimeout\(['\"]"
    for name, text in FILES.items():
        assert not (name.endswith(".js") and re.search(sinks, text)), name


def test_each_field_has_a_label_and_each_button_a_name() -> None:
    index = FILES["index.html"]
    labels = set(re.findall(r'<label for="([^"]+)"', index))
    fields = set(re.findall(r'<(?:select|input) id="([^"]+)"', index)) - {"files"}  # which its button opens
    assert fields == labels == {"token", "model", "hot-words", "nbest"}
    for attributes, content in re.findall(r"<button([^>]*)>(.*?)</button>", index, re.S):
        text = re.sub(r"<[^>]*>", "", content).strip()
        assert "aria-label" in attributes or re.search(r"[A-Za-z]", text), attributes
    assert 'lang="en"' in index and 'aria-live="polite"' in index and 'role="status"' in index

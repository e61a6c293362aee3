from __future__ import annotations

from html.parser import HTMLParser

import numpy as np
import pytest

from sounds import RATE, white
from tympan.plots import Panel, Sheet, to_html

EVIL = '</p><script>alert(1)</script><img src=x onerror="alert(2)"> & 9'


class Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def sheets() -> list[Sheet]:
    panels = [Panel(f"{EVIL}{number}", white(4000 * number), RATE, np.ones((25 * number, 8), np.float32)) for number in (1, 2)]
    return [Sheet(EVIL, EVIL, panels), Sheet("b", "other", [Panel("empty", white(0), RATE, np.ones((0, 8), np.float32))])]


def test_nothing_that_strangers_wrote_becomes_markup(sheets: list[Sheet]) -> None:
    tags = Tags(to_html(EVIL, sheets))
    assert "script" not in tags.names and tags.names.count("img") == 3
    assert not [name for name, _ in tags.attributes if name.startswith("on")]
    assert tags.text.count(EVIL) == 1 + 1 + 1 + 2 + 2, "title, heading, name, titles of panels, text beside each"


def test_the_page_loads_nothing_and_plays_every_version(sheets: list[Sheet]) -> None:
    tags = Tags(to_html("x", sheets))
    sources = [value or "" for name, value in tags.attributes if name in {"src", "href"}]
    assert sum(source.startswith("data:audio/flac;base64,") for source in sources) == 2, "there is nothing to play in the empty one"
    assert sum(source.startswith("data:image/png;base64,") for source in sources) == 3
    assert len(sources) == 5
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'; media-src data:; img-src data:") in tags.attributes


def test_versions_are_drawn_on_one_scale_of_time(sheets: list[Sheet]) -> None:
    page = to_html("x", sheets)
    assert page.count('style="width:50.0%"') == 2 and page.count('style="width:100.0%"') == 2
    assert "0.25 s, 25 frames of 8" in page and "0.50 s, 50 frames of 8" in page

"""Names in archives: safe, one for each id."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from tympan.data.sharding.layout import key_of


@given(st.lists(st.text(max_size=80), unique=True))
def test_keys_are_safe_and_as_many_as_ids(ids: list[str]) -> None:
    taken: set[str] = set()
    keys = [key_of(id, taken) for id in ids]
    assert len(set(keys)) == len(ids) and set(keys) == taken
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+", key) and len(key) < 80 for key in keys)


def test_a_plain_id_is_its_key_and_a_key_that_is_taken_is_changed() -> None:
    taken: set[str] = set()
    assert [key_of("84-121123-0000", taken) for _ in range(2)] == ["84-121123-0000", "84-121123-0000x"]

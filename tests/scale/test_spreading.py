from __future__ import annotations

from typing import Any

import pytest

import gated
from tympan import scale
from tympan.errors import TympanError


def test_results_and_errors_come_back_each_once_and_a_network_that_failed_has_a_second_chance(cluster: Any) -> None:
    items = ["4", "zero", "disk", "user", "9", "network"]
    with scale.connected(cluster.address):
        done = {item.index: item for item in scale.spread(items, gated.Roots())}
    assert sorted(done) == list(range(len(items)))
    assert [done[index].result for index in range(len(items))] == [2.0, None, None, None, 3.0, 2.0]
    assert "ValueError" in done[1].error and "zero" in done[1].error
    assert done[2].error == "disk: No space left on device. It was tried 3 times."
    assert done[3].error == "This is wrong. Do that."
    assert [done[index].error for index in (0, 4, 5)] == ["", "", ""]


@pytest.mark.long
def test_workers_that_cannot_start_end_the_job_with_their_reason(cluster: Any) -> None:
    with scale.connected(cluster.address), pytest.raises(TympanError, match=r"cannot do their work: The model is gone. Copy it again"):
        list(scale.spread(["1"], gated.Broken()))


def test_more_threads_than_any_machine_has_are_refused(cluster: Any) -> None:
    with scale.connected(cluster.address), pytest.raises(TympanError, match="No machine of the cluster has 64 CPUs; the largest has 1"):
        list(scale.spread(["1"], gated.Roots(), threads=64))

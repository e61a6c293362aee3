"""A Ray cluster of several nodes on this machine."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).resolve().parents[1]
STORE_BYTES = 80 << 20
# A dead node is found dead after three seconds, not after fifteen.
HEALTH = {
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 1000,
    "health_check_timeout_ms": 1000,
    "health_check_failure_threshold": 3,
}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs a cluster of several nodes is for `make test-long`: starting and killing them takes a minute."""
    for item in items:
        if "cluster" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.long)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Any]:
    """Two nodes of one processor; `cluster.address`, `cluster.add_node(**NODE)`, `cluster.remove_node(node, allow_graceful=False)`."""
    if sys.platform != "linux":
        pytest.skip("Ray's cluster of several nodes on one machine is for Linux")
    ray_folder = tempfile.mkdtemp(prefix="tympan-ray-")  # a short path: sockets lie in it
    paths = os.pathsep.join(filter(None, [str(TESTS), os.environ.get("PYTHONPATH")]))  # so that workers find gated.py
    set_here = {"RAY_TMPDIR": ray_folder, "PYTHONPATH": paths, "RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}
    before = {name: os.environ.get(name) for name in set_here}
    os.environ.update(set_here)
    import ray
    from ray.cluster_utils import Cluster

    from tympan.scale.cluster import start

    head = {"num_cpus": 1, "object_store_memory": STORE_BYTES, "include_dashboard": False, "_system_config": HEALTH}
    made = Cluster(initialize_head=True, head_node_args=head)
    try:
        made.add_node(num_cpus=1, object_store_memory=STORE_BYTES)
        start(made.address, ray_folder)  # one connection for all tests, as each takes a second
        yield made
    finally:
        ray.shutdown()
        made.shutdown()
        shutil.rmtree(ray_folder, ignore_errors=True)
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)


@pytest.fixture(scope="session")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of recordings of a toy language, and the model tones.tympan that hears them."""
    import soundfile

    from toy_models import RATE, make_bundle, speak

    folder = tmp_path_factory.mktemp("tones")
    table = make_bundle(folder / "tones.tympan", [" ", "a", "b", "c", "d"]).tokens
    for index in range(12):
        text = " ".join(["abcd"[index % 4], "abcd"[index // 4], "abba"])
        soundfile.write(folder / f"say-{index:02d}.wav", speak(table, text), RATE)
    (folder / "damaged.wav").write_bytes(b"RIFF\x00\x00\x00\x00WAVEjunk that is no sound")
    return folder

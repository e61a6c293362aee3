"""Machines and processes die in the middle of a job, and nobody can see it in the transcripts."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gated import POISON, transcribed_behind, until, waiting
from inotify import Watch
from tympan import scale
from tympan.cli.transcribing import transcribed
from tympan.decoding import SearchOptions
from tympan.errors import AudioError, TympanError
from tympan.recognizer import Recognizer, load
from tympan.scale.shipping import Cargo, ShippedModel
from tympan.scale.transcribing import Transcribing, here

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux'")


@pytest.fixture(scope="module")
def expected(tones: Path) -> dict[str, str]:
    """What one machine writes."""
    recognizer = load(tones / "tones.tympan", threads=1)
    return {
        f"{file.stem}.json": transcribed(recognizer, file, file.stem, format="json", explain=False, readable=False)[0]
        for file in tones.glob("say-*.wav")
    }


class Job:
    """A job whose workers wait at a gate until `meanwhile` was called, with those that wait there."""

    def __init__(self, address: str, folder: Path, sources: list[Path], model: Path) -> None:
        self.address, self.sources, self.model = address, sources, model
        self.gate, self.output = folder / "gate", folder / "out"
        self.gate.mkdir()
        self.output.mkdir()

    def run(self, workers: int, meanwhile: Callable[[list[tuple[str, int, str]]], object]) -> dict[str, scale.Done]:
        """Source's name -> Done; `meanwhile` is called as soon as so many workers are at work."""
        thread = threading.Thread(target=self.interfere, args=(workers, meanwhile))
        watch = Watch(self.output)
        with scale.connected(self.address):
            recordings = scale.expand([str(path) for path in self.sources])
            write = partial(transcribed_behind, gate=self.gate)
            model = scale.pack(self.model)
            thread.start()
            try:
                found = list(scale.transcribe(recordings, scale.open_folder(str(self.output)), "json", model, write))
            finally:
                (self.gate / "open").touch()
                thread.join()
        self.written = {name: count for name, count in watch.counts().items() if not name.startswith(".")}
        assert len({done.index for done in found}) == len(found) == len(recordings)
        return {recordings[done.index].name: done for done in found}

    def interfere(self, workers: int, meanwhile: Callable[[list[tuple[str, int, str]]], object]) -> None:
        try:
            until(lambda: len({process for _, process, _ in waiting(self.gate)}) >= workers or (self.gate / "open").exists())
            if not (self.gate / "open").exists():  # as it is where the job failed
                meanwhile(waiting(self.gate))
        finally:
            (self.gate / "open").touch()

    def texts(self) -> dict[str, str]:
        return {path.name: path.read_text() for path in self.output.iterdir()}


def test_the_model_travels_where_its_path_leads_nowhere(cluster: Any, tones: Path, expected: dict[str, str], tmp_path: Path) -> None:
    """Recordings and transcripts by addresses, a model that is gone when the workers want it, a transcript that was there before."""
    model = tmp_path / "gone.tympan"
    model.write_bytes((tones / "tones.tympan").read_bytes())
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "say-03.json").write_text("as it was")
    output = scale.open_folder(f"simplecache::file://{tmp_path}/out")
    write = partial(transcribed, format="json", explain=False, readable=False)
    with scale.connected(cluster.address):
        recordings = scale.expand([f"simplecache::file://{tones}/say-0[0-3]*.wav", f"simplecache::file://{tmp_path}/missing.wav"])
        packed = scale.pack(model)
        model.unlink()
        done = {recordings[item.index].name: item for item in scale.transcribe(recordings, output, "json", packed, write)}
    assert set(done) == {"say-00", "say-01", "say-02", "missing"}
    assert [name for name, item in done.items() if item.error] == ["missing"]
    assert "missing.wav: no such file" in done["missing"].error and f"simplecache::file://{tmp_path}" in done["missing"].error
    names = [f"say-{index:02d}.json" for index in range(3)]
    texts = {path.name: path.read_text() for path in (tmp_path / "out").iterdir()}
    assert texts == {**{name: expected[name] for name in names}, "say-03.json": "as it was"}


def test_a_folder_holds_the_transcripts_of_one_model_with_one_set_of_options(tmp_path: Path) -> None:
    folder = scale.open_folder(str(tmp_path))
    model = ShippedModel({"model": Cargo(Path("a.tympan"), "0123", None)}, None, 1, own_scorer=False)
    scale.hold_to_settings(folder, "txt", model, explained=False)
    scale.hold_to_settings(folder, "txt", replace(model, threads=4), explained=False)
    scale.hold_to_settings(folder, "srt", replace(model, search=SearchOptions()), explained=False)
    for other, explained in (
        (replace(model, files={"model": Cargo(Path("a.tympan"), "4567", None)}), False),
        (replace(model, search=SearchOptions(beam_size=7)), False),
        (model, True),
    ):
        with pytest.raises(TympanError, match=r"made with another model or other options. Give --output another folder"):
            scale.hold_to_settings(folder, "txt", other, explained=explained)
    (tmp_path / "file").touch()
    with pytest.raises(TympanError, match="Nothing can be written"):
        scale.hold_to_settings(scale.open_folder(f"{tmp_path}/file/out"), "txt", model, explained=False)


class Heard(ShippedModel):
    """A model that is there already."""

    def open(self) -> Recognizer:
        return load(self.files["model"].path, threads=1)


def test_a_recording_that_is_done_twice_is_written_once(tones: Path, tmp_path: Path) -> None:
    """As where a machine died between a transcript and the news of it, or was only thought dead."""
    model = Heard({"model": Cargo(tones / "tones.tympan", "", None)}, None, 1, own_scorer=False)
    work = Transcribing(model, str(tmp_path), "json", partial(transcribed, format="json", explain=False, readable=False), "mark-")
    recording = scale.Recording(str(tones / "say-00.wav"), "say")
    with pytest.raises(TympanError, match=r"is another one on .* all machines see"):
        work.start()
    scale.open_folder(str(tmp_path)).write_once(here("mark-"), b"")
    watch = Watch(tmp_path)
    first, second = work.start()(recording), work.start()(recording)
    assert first == second
    assert {name: count for name, count in watch.counts().items() if not name.startswith(".")} == {"say.json": 1}


@pytest.fixture
def third_node(cluster: Any) -> Iterator[Any]:
    node = cluster.add_node(num_cpus=1, object_store_memory=80 << 20)
    yield node
    if node in cluster.list_all_nodes():
        cluster.remove_node(node)


def test_a_node_killed_in_the_middle_loses_nothing_and_doubles_nothing(
    cluster: Any, third_node: Any, tones: Path, expected: dict[str, str], tmp_path: Path
) -> None:
    """Three nodes, one killed while all three are at work; a damaged recording is among the good ones."""
    job = Job(cluster.address, tmp_path, [*sorted(tones.glob("*.wav"))], tones / "tones.tympan")
    lost: list[str] = []

    def kill_a_node(at_work: list[tuple[str, int, str]]) -> None:
        cluster.remove_node(third_node, allow_graceful=False)
        for node, process, name in at_work:
            if node == third_node.node_id:
                lost.append(name)
                with suppress(ProcessLookupError):  # without its node it ends by itself, but not at once, as on a machine that lost power
                    os.kill(process, signal.SIGKILL)

    done = job.run(3, kill_a_node)
    assert lost, "nobody worked on the node that was killed"
    assert all(done[name].attempt > 1 and not done[name].worker.startswith(third_node.node_id) for name in lost)
    assert job.texts() == expected
    assert job.written == dict.fromkeys(expected, 1), "a transcript came to be more than once"
    assert [name for name, item in done.items() if item.error] == ["damaged"]
    with pytest.raises(AudioError) as here:
        load(tones / "tones.tympan", threads=1).transcribe(tones / "damaged.wav")
    assert done["damaged"].error == str(here.value)


def test_a_worker_killed_in_the_middle_loses_nothing(cluster: Any, tones: Path, expected: dict[str, str], tmp_path: Path) -> None:
    sources = sorted(tones.glob("say-*.wav"))[:6]
    job = Job(cluster.address, tmp_path, sources, tones / "tones.tympan")
    killed: list[str] = []

    def kill_a_process(at_work: list[tuple[str, int, str]]) -> None:
        _, process, name = at_work[0]
        os.kill(process, signal.SIGKILL)
        killed.append(name)

    done = job.run(1, kill_a_process)
    assert job.texts() == {f"{path.stem}.json": expected[f"{path.stem}.json"] for path in sources}
    assert job.written == {f"{path.stem}.json": 1 for path in sources}
    assert done[killed[0]].attempt == 2 and not any(item.error for item in done.values())


@pytest.mark.long
def test_a_recording_that_ends_each_worker_is_told_and_the_others_are_transcribed(
    cluster: Any, tones: Path, expected: dict[str, str], tmp_path: Path
) -> None:
    poison = tmp_path / f"{POISON}.wav"
    poison.write_bytes((tones / "say-00.wav").read_bytes())
    sources = sorted(tones.glob("say-*.wav"))[:6]
    job = Job(cluster.address, tmp_path, [poison, *sources], tones / "tones.tympan")
    done = job.run(1, lambda at_work: None)
    assert job.texts() == {f"{path.stem}.json": expected[f"{path.stem}.json"] for path in sources}
    assert [name for name, item in done.items() if item.error] == [POISON]
    assert "died 3 times" in done[POISON].error and str(poison) in done[POISON].error

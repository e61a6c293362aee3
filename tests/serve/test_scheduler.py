"""tympan.serve.scheduler: who is heard when, and with whom."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from streams import RATE, packets, recognizer_of, said
from tympan.serve.metrics import Metrics
from tympan.serve.models import Models
from tympan.serve.scheduler import BUSY_WINDOW_S, GATHER_S, MAX_BATCH, Event, Session, Worker
from tympan.streaming import PieceStream, Stream, StreamOptions


def stream_of(models: Models) -> Stream | PieceStream:
    return models.find(None).stream(StreamOptions(), {})


class Watched(Worker):
    """A worker that is driven by the test, and notes each run of the network: the sessions' numbers."""

    def __init__(self, between: Callable[[int], None] = lambda runs: None) -> None:
        def report(error: Exception) -> None:
            raise error

        super().__init__("watched", Metrics(), report)
        self.runs: list[list[int]] = []
        self.between = between
        self.numbers: dict[Session, int] = {}
        self.told: list[tuple[int, str, int]] = []  # session, kind of the event, runs of the network before it

    def encode(self, kind: Any, items: Any) -> None:
        self.runs.append([self.numbers[session] for session, _ in items])
        super().encode(kind, items)
        self.between(len(self.runs))

    def open(self, models: Models) -> Session:
        number = len(self.numbers)

        def notify(events: list[Event]) -> None:
            self.told += [(number, event.kind, len(self.runs)) for event in events]

        session = Session(stream_of(models), self, notify, partials=True)
        self.numbers[session] = number
        self.sessions.add(session)
        return session

    def when(self, number: int, kind: str) -> int:
        """After how many runs of the network a session was told of an event."""
        return next(runs for session, told, runs in self.told if (session, told) == (number, kind))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    recognizer = recognizer_of(tmp_path_factory.mktemp("scheduler"))
    return Models({"tones": lambda: recognizer})


def test_a_run_of_the_network_takes_eight_streams_and_all_get_their_turn(models: Models) -> None:
    worker = Watched()
    sessions = [worker.open(models) for _ in range(2 * MAX_BATCH + 3)]
    for session in sessions:
        session.audio(said("bad cab"), RATE)
    worker.turn()
    assert [len(run) for run in worker.runs[:3]] == [MAX_BATCH, MAX_BATCH, MAX_BATCH]
    assert worker.runs[0] == list(range(MAX_BATCH)) and worker.runs[2][:3] == [16, 17, 18]  # then the first ones' second chunks
    assert max(map(len, worker.runs)) == MAX_BATCH and all(len(run) == len(set(run)) for run in worker.runs)
    assert {number for number, kind, _ in worker.told if kind == "partial"} == set(range(len(sessions)))
    assert not worker.ready and not worker.urgent


def test_who_waits_for_a_final_goes_before_those_who_came_earlier(models: Models) -> None:
    worker = Watched()
    sessions = [worker.open(models) for _ in range(20)]
    for session in sessions:
        session.audio(said("bad cab"), RATE)
    sessions[-1].finish()
    worker.turn()
    done = worker.when(19, "finished")
    assert worker.runs[:done] == [[19]] * done and done > 1  # alone, and all of it
    assert len(worker.runs) > done


def test_who_asks_for_a_final_while_others_are_heard_waits_for_one_batch(models: Models) -> None:
    sessions: list[Session] = []
    worker = Watched(lambda runs: sessions[12].flush() if runs == 1 else None)
    sessions += [worker.open(models) for _ in range(20)]
    for session in sessions:
        session.audio(said("bad cab"), RATE)
    worker.turn()
    done = worker.when(12, "flushed")
    assert worker.runs[0] == list(range(MAX_BATCH)) and worker.runs[1:done] == [[12]] * (done - 1)
    heard = [session for session in sessions if session is not sessions[12]]
    assert {worker.numbers[session] for session in heard} <= {number for number, kind, _ in worker.told if kind == "partial"}


def test_after_its_final_a_stream_waits_like_the_others(models: Models) -> None:
    worker = Watched()
    first, second = worker.open(models), worker.open(models)
    first.audio(said("bad cab"), RATE)
    first.flush()
    worker.turn()
    assert first.asked == 0 and worker.when(0, "flushed") == len(worker.runs)
    before = len(worker.runs)
    for packet in packets(said("fed", 0.5), [1600]):
        second.audio(packet, RATE)
        first.audio(packet, RATE)
    worker.turn()
    assert worker.runs[before] == [1, 0]


def test_a_turn_in_which_nothing_is_whole_runs_nothing(models: Models) -> None:
    worker = Watched()
    worker.open(models).audio(said("bad")[:160], RATE)
    worker.turn()
    assert worker.runs == [] and not worker.ready


def test_a_stream_whose_client_left_is_not_heard(models: Models) -> None:
    worker = Watched()
    gone, stays = worker.open(models), worker.open(models)
    for session in (gone, stays):
        session.audio(said("bad cab"), RATE)
        session.finish()
    gone.close()
    worker.turn()
    assert all(run == [1] for run in worker.runs) and worker.runs
    assert {number for number, _, _ in worker.told} == {1} and worker.sessions == {stays}


def test_a_broken_stream_reaches_no_other(models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    reported: list[Exception] = []
    worker = Watched()
    worker.report = reported.append
    broken, whole = worker.open(models), worker.open(models)
    monkeypatch.setattr(broken.stream, "put", lambda work, log_probs: 1 / 0)
    for session in (broken, whole):
        session.audio(said("bad cab"), RATE)
        session.finish()
    worker.turn()
    assert [type(error) for error in reported] == [ZeroDivisionError]
    assert worker.when(1, "finished") and [kind for number, kind, _ in worker.told if number == 0] == ["failed"]


def test_busy_is_the_share_of_the_last_second_and_patience_grows_with_it() -> None:
    worker = Worker("busy", Metrics(), lambda error: None)
    worker.ended = 0.0
    assert worker.patience() == 0
    at = 0.0
    for _ in range(1000):  # 30 ms of work, 70 ms of rest
        worker.worked(at + 0.07, at + 0.1)
        at += 0.1
    assert worker.busy == pytest.approx(0.3, abs=0.03)
    worker.worked(at, at + 10 * BUSY_WINDOW_S)
    assert worker.patience() == pytest.approx(GATHER_S, rel=1e-3)
    worker.worked(at + 30 * BUSY_WINDOW_S, at + 30 * BUSY_WINDOW_S)
    assert worker.busy < 1e-6


def test_the_thread_itself_hears_and_ends(models: Models) -> None:
    worker, done, texts = Worker("real", Metrics(), lambda error: None), threading.Event(), []

    def notify(events: list[Event]) -> None:
        for event in events:
            if event.kind == "final":
                texts.append(event.value.segment.text)
            if event.kind == "finished":
                done.set()

    session = Session(stream_of(models), worker, notify, partials=True)
    worker.sessions |= {session, Session(stream_of(models), worker, lambda events: None, partials=True)}  # so that it waits for others
    worker.start()
    for packet in packets(said("bad cab"), [1600]):
        session.audio(packet, RATE)
    session.finish()
    assert done.wait(20) and texts == ["bad cab"]
    worker.stop()
    worker.join(5)
    assert not worker.is_alive()

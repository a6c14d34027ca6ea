"""The worker tells its scheduler and the others about its connections, and makes room for more."""

import time
from collections import deque
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import ThreadWorker

from app.server import connections as module
from app.server.connection_counts import ConnectionCounts
from app.server.worker import CooperativeWorker


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> ConnectionCounts:
    """The shared counts, with another worker that has nine connections."""
    made = ConnectionCounts()
    made.note(2, 9)
    monkeypatch.setattr(module, "_shared_counts", made)
    return made


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A worker without sockets, as it is when gunicorn's own `run` would begin."""
    monkeypatch.setattr(ThreadWorker, "run", lambda _worker: None)
    made: Any = CooperativeWorker.__new__(CooperativeWorker)
    made.cfg, made.poller, made.wsgi = Config(), None, None
    made.log = Logger(made.cfg)
    made.method_queue = SimpleNamespace(defer=None)
    made.pending_conns, made.keepalived_conns, made.tpool = deque(), deque(), None
    made.age, made.alive, made.sockets, made._accepting = 1, True, [], False
    made.nr_conns = 0
    made.run()
    return made


@pytest.mark.parametrize(("connections", "single"), [(1, True), (2, False)])
def test_the_scheduler_knows_whether_there_is_a_single_connection(
    worker: Any, connections: int, single: bool
) -> None:
    worker.nr_conns = connections

    assert worker._scheduler._has_single_connection() is single


def test_a_worker_that_accepts_connections_is_counted(
    counts: ConnectionCounts, worker: Any
) -> None:
    worker.set_accept_enabled(True)

    assert counts.fewest() == 0


def test_a_worker_that_accepts_no_more_is_forgotten_at_once(
    counts: ConnectionCounts, worker: Any
) -> None:
    worker.set_accept_enabled(True)
    worker.set_accept_enabled(False)

    assert counts.fewest() == 9


def test_a_worker_that_was_told_to_stop_does_not_count_itself_again(
    counts: ConnectionCounts, worker: Any
) -> None:
    worker.set_accept_enabled(True)
    worker.alive = False
    worker._note_connections()

    assert counts.fewest() == 9


def test_a_worker_without_file_descriptors_is_not_counted(
    counts: ConnectionCounts, worker: Any
) -> None:
    worker._accepts_again_at = time.monotonic() + 60
    worker.set_accept_enabled(True)

    assert counts.fewest() == 9


class Poller:
    """A poller that knows the sockets it should forget."""

    def __init__(self) -> None:
        self.forgotten: list[Any] = []

    def unregister(self, sock: Any) -> None:
        self.forgotten.append(sock)


def a_connection(name: str, closed: list[str]) -> Any:
    return SimpleNamespace(sock=name, close=lambda: closed.append(name), timeout=0.0)


def test_the_peer_that_was_waited_for_longest_makes_room_and_an_idle_one_last(worker: Any) -> None:
    closed: list[str] = []
    silent, lingering, arriving, leaving, idle = (
        [a_connection(f"{kind} {number}", closed) for number in (1, 2)]
        for kind in ("silent", "lingering", "arriving", "leaving", "idle")
    )
    worker.poller, worker.nr_conns = Poller(), 10
    worker.pending_conns.extend(silent)
    worker._lingering.waiting.extend(lingering)
    worker._reader = SimpleNamespace(oldest=lambda: arriving.pop(0) if arriving else None)
    worker._sender = SimpleNamespace(oldest=lambda: leaving.pop(0) if leaving else None)
    worker.keepalived_conns.extend(idle)

    made = [worker._make_room() for _ in range(11)]

    kinds = ("silent", "lingering", "arriving", "leaving", "idle")
    assert closed == [f"{kind} {number}" for kind in kinds for number in (1, 2)]
    assert made == [True] * 10 + [False]
    assert worker.nr_conns == 0
    assert worker.poller.forgotten == [each for each in closed if each[0] in "si" or "ling" in each]


def test_without_descriptors_a_waiting_connection_is_closed_or_none_is_accepted(
    worker: Any,
) -> None:
    closed: list[str] = []
    worker.poller = Poller()
    worker.pending_conns.append(a_connection("silent", closed))

    worker._pause_accepting(OSError())
    assert closed == ["silent"]
    assert worker._accepts_again_at == 0.0
    worker._pause_accepting(OSError())

    assert worker._accepts_again_at > time.monotonic()


def test_a_stopping_worker_waits_no_longer_for_silent_peers_than_for_idle_ones(
    worker: Any,
) -> None:
    for queue in (worker.pending_conns, worker.keepalived_conns):
        queue.append(SimpleNamespace(timeout=99.0))

    worker._cap_keepalive(2.0)

    assert [worker.pending_conns[0].timeout, worker.keepalived_conns[0].timeout] == [2.0, 2.0]

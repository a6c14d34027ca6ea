"""The worker tells its scheduler and the other workers about its connections."""

import time
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import ThreadWorker

from app.server import worker as module
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

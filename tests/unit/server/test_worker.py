"""What the worker tells of itself to those who wait on its thread."""

from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import ThreadWorker

from app.server.worker import CooperativeWorker


@pytest.mark.parametrize(("connections", "alone"), [(1, True), (2, False)])
def test_who_is_connected_by_himself_is_alone(
    monkeypatch: pytest.MonkeyPatch, connections: int, alone: bool
) -> None:
    said: list[bool] = []
    monkeypatch.setattr(ThreadWorker, "run", lambda worker: said.append(worker._round._alone()))
    receiver: Any = CooperativeWorker.__new__(CooperativeWorker)
    receiver.cfg, receiver.poller, receiver.wsgi = Config(), None, None
    receiver.log = Logger(receiver.cfg)
    receiver.method_queue = SimpleNamespace(defer=None)
    receiver.nr_conns = connections

    receiver.run()

    assert said == [alone]

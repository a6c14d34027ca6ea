"""A request-answering thread like a receiver's, driven by the test."""

import socket
import time
from collections.abc import Callable
from queue import SimpleQueue
from selectors import EVENT_READ, DefaultSelector

from app.server.scheduler import GreenletScheduler

DEADLINE_SECONDS = 20.0


class Answering:
    """Runs the server's scheduler in the test's own thread."""

    def __init__(self, *, alone: bool = False) -> None:
        self._calls: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self._poller = DefaultSelector()
        self._here, self._there = socket.socketpair()
        self._poller.register(self._here, EVENT_READ, self._called)
        self.round = GreenletScheduler(self._call, self._poller, lambda: alone)

    def answer(self, *requests: Callable[[], object]) -> None:
        """Start all requests; return when each has finished or waits."""
        for request in requests:
            self.round.answer(request)
        self.round.end()

    def until(self, true: Callable[[], object]) -> None:
        """Continue the requests that are resumed until `true` returns a true value."""
        until = time.monotonic() + DEADLINE_SECONDS
        while not true():
            ready = self._poller.select(1.0)  # as long as gunicorn waits
            assert time.monotonic() < until, "nothing happens any more"
            for key, _ in ready:
                key.data(key.fileobj)
            self.round.end()

    def close(self) -> None:
        self.round.close()
        self._poller.close()
        self._here.close()
        self._there.close()

    def _call(self, work: Callable[[], object]) -> None:
        self._calls.put(work)
        self._there.send(b".")

    def _called(self, here: socket.socket) -> None:
        here.recv(1)
        self._calls.get()()

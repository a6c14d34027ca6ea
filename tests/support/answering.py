"""A thread that answers requests in turn, as a receiver's does."""

import socket
import time
from collections.abc import Callable
from queue import SimpleQueue
from selectors import EVENT_READ, DefaultSelector

from app.server.scheduler import GreenletScheduler

DEADLINE_SECONDS = 20.0


class Answering:
    """A thread, this one, that answers requests in turn, as a server's does."""

    def __init__(self, *, alone: bool = False) -> None:
        self._calls: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self._poller = DefaultSelector()
        self._here, self._there = socket.socketpair()
        self._poller.register(self._here, EVENT_READ, self._called)
        self.round = GreenletScheduler(self._call, self._poller, lambda: alone)

    def answer(self, *requests: Callable[[], object]) -> None:
        """All of them begin at once; returns when there is nothing more to do for now."""
        for request in requests:
            self.round.answer(request)
        self.round.end()

    def until(self, true: Callable[[], object]) -> None:
        """Go on with those that are resumed until this is so."""
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

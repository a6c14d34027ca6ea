"""An answering thread for tests, such as a server has."""

import socket
import time
from collections.abc import Callable
from queue import SimpleQueue
from selectors import EVENT_READ, DefaultSelector

from app.server.scheduler import GreenletScheduler

DEADLINE_SECONDS = 120.0


class Answering:
    """A scheduler that makes the thread of the test an answering thread."""

    def __init__(self, *, single_connection: bool = False) -> None:
        self._calls: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self._poller = DefaultSelector()
        self._reader, self._writer = socket.socketpair()
        self._poller.register(self._reader, EVENT_READ, self._run_call)
        self.scheduler = GreenletScheduler(self._call_soon, self._poller, lambda: single_connection)

    def answer(self, *requests: Callable[[], object]) -> None:
        """Begin all requests; return when each of them has ended or waits."""
        for request in requests:
            self.scheduler.answer(request)
        self.scheduler.end_cycle()

    def until(self, condition: Callable[[], object]) -> None:
        """Go on with the resumed requests until the condition is true."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not condition():
            events = self._poller.select(1.0)  # as long as gunicorn waits
            assert time.monotonic() < deadline, "the condition did not become true"
            for key, _ in events:
                key.data(key.fileobj)
            self.scheduler.end_cycle()

    def close(self) -> None:
        self.scheduler.close()
        self._poller.close()
        self._reader.close()
        self._writer.close()

    def _call_soon(self, work: Callable[[], object]) -> None:
        self._calls.put(work)
        self._writer.send(b".")

    def _run_call(self, reader: socket.socket) -> None:
        reader.recv(1)
        self._calls.get()()

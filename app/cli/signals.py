"""Stop a command cleanly on Ctrl-C or SIGTERM, at any moment of its run."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue

INTERRUPTED = 130
"""Exit status of a command that Ctrl-C ended; shells use the same (128 + SIGINT)."""


class Stop(threading.Event):
    """An event that a signal handler can set without a deadlock; it is never cleared.

    A signal handler runs in the main thread, between two steps of it. If that thread is in the
    middle of `threading.Event.wait`, it may hold the event's lock, and `set` would wait for that
    lock for ever. A SimpleQueue is reentrant, so it wakes the waiting thread instead.
    """

    def __init__(self) -> None:
        super().__init__()
        self._is_set = False
        self._wake_up: SimpleQueue[None] = SimpleQueue()

    def set(self) -> None:
        """Set the event; safe in a signal handler, since `put` may interrupt a `get`."""
        self._is_set = True
        self._wake_up.put(None)

    def is_set(self) -> bool:
        """Return True once `set` was called."""
        return self._is_set

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the event is set, at most `timeout` seconds; return True if it is set."""
        if not self._is_set:
            with suppress(Empty):
                self._wake_up.get(timeout=None if timeout is None else max(0.0, timeout))
                self._wake_up.put(None)  # for the next waiting thread
        return self._is_set


@contextmanager
def until_interrupted() -> Iterator[Stop]:
    """Yield a Stop that Ctrl-C or SIGTERM sets; the caller finishes its current step first."""
    stop = Stop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

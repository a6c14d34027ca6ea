"""Stop a command in order when Ctrl-C or SIGTERM arrives, at whatever moment."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue

INTERRUPTED = 130
"""The exit status of what Ctrl-C ended, as shells have it."""


class Stop(threading.Event):
    """An event that a signal handler may set; once it is set it stays so.

    A handler runs between two steps of the main thread. An event that the main thread waits for has
    a lock, and between two steps of the wait holds it: its `set` would wait for that for ever.
    """

    def __init__(self) -> None:
        super().__init__()
        self._told = False
        self._word: SimpleQueue[None] = SimpleQueue()

    def set(self) -> None:
        """A SimpleQueue may be put to in the midst of a `get` of the same thread."""
        self._told = True
        self._word.put(None)

    def is_set(self) -> bool:
        return self._told

    def wait(self, timeout: float | None = None) -> bool:
        """Whether it is set, now or within so many seconds."""
        if not self._told:
            with suppress(Empty):
                self._word.get(timeout=None if timeout is None else max(0.0, timeout))
                self._word.put(None)  # for whoever else waits
        return self._told


@contextmanager
def until_interrupted() -> Iterator[Stop]:
    """Set by Ctrl-C or SIGTERM; what is being done is finished first."""
    stop = Stop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

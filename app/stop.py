"""Being told to stop, at any moment: by another thread, or by a signal in the midst of waiting."""

import threading
from contextlib import suppress
from queue import Empty, SimpleQueue


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

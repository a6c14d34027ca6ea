"""Wake an idle worker when an attempt ends, an execution is committed, or one becomes due."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from app import log
from app.db.notify import CannotListen, Listener, Notifier

LISTENING_POLL_SECONDS = 1.0
"""Seconds between two looks while the listener works: a notification may still get lost."""
POLL_SECONDS = 0.05
"""Seconds between two looks while there is no listener."""
STOP_CHECK_SECONDS = 0.25
"""Seconds after which a sleeping worker notices that it was told to stop."""
LISTENER_CHECK_SECONDS = 10.0
"""Seconds without a notification after which the listener checks its connection."""
POOLER_CHECK_SECONDS = 60.0
"""Seconds after which a worker behind a pooler tries again: its address may lead elsewhere."""

logger = logging.getLogger("hookonce.worker")


class Wake:
    """The sleep of one worker; any thread of its process may end it."""

    def __init__(self) -> None:
        self._called = threading.Event()
        self._lock = threading.Lock()
        self._listener: Listener | None = None

    def call(self) -> None:
        """End the current sleep, or make the next one return at once."""
        self._called.set()

    def begin(self) -> None:
        """Forget earlier calls: the round of work that begins now will see their changes."""
        self._called.clear()

    def sleep(self, stop: threading.Event, due_in_seconds: float | None) -> None:
        """Return when called, when `stop` is set, or when an execution becomes due."""
        longest = POLL_SECONDS if self._listener is None else LISTENING_POLL_SECONDS
        until = time.monotonic() + min(longest, max(0.0, due_in_seconds or longest))
        while not stop.is_set() and (left := until - time.monotonic()) > 0:
            if self._called.wait(min(left, STOP_CHECK_SECONDS)):
                return

    @contextmanager
    def listening(self, notifier: Notifier) -> Iterator[None]:
        """Run a thread that ends the sleep on each notification of a committed execution."""
        closed = threading.Event()
        thread = threading.Thread(target=self._listen, args=(notifier, closed), name="listener")
        thread.daemon = True
        thread.start()
        try:
            yield
        finally:
            closed.set()
            with self._lock:
                if self._listener is not None:
                    self._listener.interrupt()
            thread.join()

    def _listen(self, notifier: Notifier, closed: threading.Event) -> None:
        is_logged = False
        while not closed.is_set():
            try:
                with notifier.listening() as listener, self._using(listener):
                    self.call()  # executions committed before this may not have been seen
                    while not closed.is_set():
                        if listener.wait(LISTENER_CHECK_SECONDS):
                            self.call()
            except CannotListen as error:
                if not is_logged:
                    log.event(logger, logging.WARNING, "listen_unavailable", detail=error)
                is_logged = True
                closed.wait(POOLER_CHECK_SECONDS)
            except notifier.troubles as error:
                log.event(logger, logging.WARNING, "listen_failed", detail=error)
                closed.wait(LISTENING_POLL_SECONDS)

    @contextmanager
    def _using(self, listener: Listener) -> Iterator[None]:
        with self._lock:
            self._listener = listener
        try:
            yield
        finally:
            with self._lock:
                self._listener = None

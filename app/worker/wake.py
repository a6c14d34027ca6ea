"""What ends a worker's sleep: an attempt that ended, an execution that was committed, the time."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from app import log
from app.db.notify import Listener, Notifier

HEARING_SECONDS = 1.0
"""How often a worker that hears the bell looks all the same: a bell may be missed."""
DEAF_SECONDS = 0.05
"""How often one looks that hears nothing."""
STOP_SECONDS = 0.25
"""How soon a sleeper notices that it is told to stop."""
LISTENING_SECONDS = 10.0
"""How often a listener that hears nothing asks whether it still would."""

logger = logging.getLogger("hookonce.worker")


class Wake:
    """One worker's sleep; anything in its process may end it."""

    def __init__(self) -> None:
        self._called = threading.Event()
        self._lock = threading.Lock()
        self._ear: Listener | None = None

    def call(self) -> None:
        """End the sleep, or keep the next one from beginning."""
        self._called.set()

    def begin(self) -> None:
        """From now on calls are for the next sleep: what they speak of is looked at next."""
        self._called.clear()

    def sleep(self, stop: threading.Event, due_in_seconds: float | None) -> None:
        """Return when called, when told to stop, or when something comes due."""
        longest = DEAF_SECONDS if self._ear is None else HEARING_SECONDS
        until = time.monotonic() + min(longest, max(0.0, due_in_seconds or longest))
        while not stop.is_set() and (left := until - time.monotonic()) > 0:
            if self._called.wait(min(left, STOP_SECONDS)):
                return

    @contextmanager
    def hearing(self, notifier: Notifier) -> Iterator[None]:
        """While this holds, the bell ends the sleep as well."""
        closed = threading.Event()
        listener = threading.Thread(target=self._listen, args=(notifier, closed), name="ear")
        listener.daemon = True
        listener.start()
        try:
            yield
        finally:
            closed.set()
            with self._lock:
                if self._ear is not None:
                    self._ear.interrupt()
            listener.join()

    def _listen(self, notifier: Notifier, closed: threading.Event) -> None:
        while not closed.is_set():
            try:
                with notifier.listening() as listener, self._using(listener):
                    self.call()  # what came before may not have been looked at
                    while not closed.is_set():
                        if listener.wait(LISTENING_SECONDS):
                            self.call()
            except notifier.troubles as error:
                log.event(logger, logging.WARNING, "worker_deaf", detail=error)
                closed.wait(HEARING_SECONDS)

    @contextmanager
    def _using(self, listener: Listener) -> Iterator[None]:
        with self._lock:
            self._ear = listener
        try:
            yield
        finally:
            with self._lock:
                self._ear = None

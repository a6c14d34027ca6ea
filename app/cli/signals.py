"""Stop a command cleanly on Ctrl-C, SIGTERM or SIGHUP, at any moment of its run."""

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from typing import Any

from app.db import time_limit

INTERRUPTED = 130
"""Exit status of a command that Ctrl-C ended; shells use the same (128 + SIGINT)."""

LONGEST_WAIT_SECONDS = 0.5
"""Longest time for which a signal may go unnoticed."""


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
        """Wait until the event is set, at most `timeout` seconds; return True if it is set.

        A signal that comes just before the thread begins to wait is handled only after the wait, so
        none is longer than `LONGEST_WAIT_SECONDS`.
        """
        until = math.inf if timeout is None else time.monotonic() + timeout
        while not self._is_set and (left := until - time.monotonic()) > 0:
            with suppress(Empty):
                self._wake_up.get(timeout=min(left, LONGEST_WAIT_SECONDS))
                self._wake_up.put(None)  # for the next waiting thread
        return self._is_set


def install(stop: Stop, at_once: Callable[[], None] | None = None) -> dict[int, Any]:
    """Have signals set `stop`, and return the handlers before.

    Ctrl-C, SIGTERM and SIGHUP set it; SIGHUP does nothing under nohup. With `at_once` SIGQUIT calls
    it too. SIGUSR1, SIGUSR2 and SIGALRM would end the process and do nothing now: programs are sent
    them to rotate logs, and by mistake.
    """

    def stop_at_once(*_: object) -> None:
        if at_once is not None:
            at_once()
        stop.set()

    handlers: dict[int, Callable[..., None]] = dict.fromkeys(_IGNORED, _do_nothing)
    handlers |= {number: lambda *_: stop.set() for number in _STOPPING}
    if signal.getsignal(signal.SIGHUP) in (signal.SIG_IGN, _do_nothing):
        handlers[signal.SIGHUP] = _do_nothing
    if at_once is not None:
        handlers[signal.SIGQUIT] = stop_at_once
    return {number: signal.signal(number, handler) for number, handler in handlers.items()}


def restore(handlers: Mapping[int, Any]) -> None:
    """Put the handlers back that `install` returned."""
    for number, handler in handlers.items():
        signal.signal(number, handler)


@contextmanager
def until_interrupted(at_once: Callable[[], None] | None = None) -> Iterator[Stop]:
    """Yield a Stop that signals set, see `install`; the caller finishes its current step first."""
    stop = Stop()
    before = install(stop, at_once)
    try:
        yield stop
    finally:
        restore(before)


@contextmanager
def until_interrupted_in_waits() -> Iterator[Stop]:
    """Yield a Stop as `until_interrupted` does; a wait for a lock of SQLite ends with it, too.

    The database then counts as unavailable: look at the Stop before reporting that.
    """
    with until_interrupted() as stop, time_limit.stopped_by(stop):
        yield stop


def leave_nothing_to_children() -> None:
    """Give the programs that this process starts the system's defaults for every signal.

    A signal that is ignored stays ignored in a new program, and a blocked one blocked: nohup and
    shells leave such. A handler that does nothing is reset instead.
    """
    for number in signal.valid_signals() - {signal.SIGPIPE, signal.SIGXFSZ}:  # Popen resets these
        if signal.getsignal(number) is signal.SIG_IGN:
            default = number == signal.SIGCHLD  # ignored, it would take exit statuses away
            signal.signal(number, signal.SIG_DFL if default else _do_nothing)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _do_nothing(*_: object) -> None:
    """Handle a signal in the way that ignoring it does."""


_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_IGNORED = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM)

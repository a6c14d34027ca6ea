"""Let the caller of long work stop it while it waits: a signal handler only sets an event."""

import time
from threading import Event


class Stopped(Exception):
    """The work was stopped by its caller; the same command takes it up again."""


def sleep(seconds: float, stop: Event | None) -> None:
    """Wait; raise Stopped if `stop` is set before the end or was set already."""
    if stop is None:
        time.sleep(seconds)
    elif stop.wait(seconds):
        raise Stopped


def require_going_on(stop: Event | None) -> None:
    """Raise Stopped if `stop` is set."""
    if stop is not None and stop.is_set():
        raise Stopped

"""What Ctrl-C and SIGTERM do to a command that works through many: it finishes the one at hand."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

INTERRUPTED = 130
"""The exit status of what Ctrl-C ended, as shells have it."""


@contextmanager
def until_interrupted() -> Iterator[threading.Event]:
    """Set by Ctrl-C or SIGTERM; what is being done is finished first."""
    stop = threading.Event()
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

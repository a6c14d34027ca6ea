"""What Ctrl-C and SIGTERM do to a command that works through many: it finishes the one at hand."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from app.stop import Stop

INTERRUPTED = 130
"""The exit status of what Ctrl-C ended, as shells have it."""


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

"""What can wait until the sender has its answer: telling the operator, and counting."""

import contextvars
import logging
from collections.abc import Callable, Iterable, Iterator
from contextvars import Context, ContextVar
from typing import Any

Work = Callable[[], object]

_later: ContextVar[list[Work] | None] = ContextVar("later", default=None)

logger = logging.getLogger("hookonce")


def defer(work: Work) -> None:
    """Have it done once the answer to what is being asked is out; now, where nobody asks."""
    later = _later.get()
    if later is None:
        work()
    else:
        later.append(work)


def respond(application: Callable[..., Iterable[bytes]], *given: Any) -> Iterable[bytes]:
    """What the WSGI application says; what it left to be done follows when that is closed.

    Its server does that once all is sent, or cannot be: https://peps.python.org/pep-3333/
    """
    later: list[Work] = []
    context = contextvars.copy_context()
    context.run(_later.set, later)
    return _DeferringResponse(context.run(application, *given), later, context)


class _DeferringResponse:
    """The pieces of an answer."""

    def __init__(self, pieces: Iterable[bytes], later: list[Work], context: Context) -> None:
        self._pieces = pieces
        self._later = later
        self._context = context

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._pieces)

    def close(self) -> None:
        close = getattr(self._pieces, "close", None)
        self._later[:0] = [close] if close else []
        self._context.run(_do_all, self._later)


def _do_all(later: list[Work]) -> None:
    """An error is told, and goes no further: the server would answer it, a second time."""
    while later:
        work = later.pop(0)
        try:
            work()
        except Exception:
            logger.exception("what was left to be done after an answer failed")

"""Deferred work: logging and counting that runs after the response has been sent."""

import contextvars
import logging
from collections.abc import Callable, Iterable, Iterator
from contextvars import Context, ContextVar
from typing import Any

Work = Callable[[], object]

_deferred: ContextVar[list[Work] | None] = ContextVar("deferred", default=None)

logger = logging.getLogger("hookonce")


def defer(work: Work) -> None:
    """Run `work` after the response has been sent; immediately when called outside a request."""
    deferred = _deferred.get()
    if deferred is None:
        work()
    else:
        deferred.append(work)


def respond(application: Callable[..., Iterable[bytes]], *wsgi_arguments: Any) -> Iterable[bytes]:
    """Call the WSGI application; run the work that it deferred when the response is closed.

    The server closes a response once it is sent or cannot be: https://peps.python.org/pep-3333/
    """
    deferred: list[Work] = []
    context = contextvars.copy_context()
    context.run(_deferred.set, deferred)
    return _DeferringResponse(context.run(application, *wsgi_arguments), deferred, context)


class _DeferringResponse:
    """A WSGI response body that runs deferred work when the server closes it."""

    def __init__(self, chunks: Iterable[bytes], deferred: list[Work], context: Context) -> None:
        self._chunks = chunks
        self._deferred = deferred
        self._context = context

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._chunks)

    def close(self) -> None:
        close = getattr(self._chunks, "close", None)
        self._deferred[:0] = [close] if close else []
        self._context.run(_run_all, self._deferred)


def _run_all(deferred: list[Work]) -> None:
    """Run the deferred work in order, and log its errors.

    The server would answer an exception raised here with a second response.
    """
    while deferred:
        work = deferred.pop(0)
        try:
            work()
        except Exception:
            logger.exception("deferred work failed after the response was sent")

"""One line per thing that happened: as key=value for a person and a grep, or as JSON for a machine.

Lines that belong to one request name it, whoever writes them.
"""

import json
import logging
import math
import os
import re
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Any, Never

_PLAIN = re.compile(r"[\w.,:;/+@#%*()\[\]-]+", re.ASCII)


class RequestContext:
    """One request, as far as the log goes: its id, and whether a line tells of it already."""

    __slots__ = ("request_id", "told")

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id
        self.told = False


_request: ContextVar[RequestContext | None] = ContextVar("errand", default=None)


@contextmanager
def of(request_context: RequestContext | None) -> Iterator[None]:
    """Lines of this thread belong to this request."""
    before = _request.set(request_context)
    try:
        yield
    finally:
        _request.reset(before)


def begin(request_context: RequestContext) -> None:
    """Likewise, until the next one begins."""
    _request.set(request_context)


def event(logger: logging.Logger, level: int, name: str, **fields: object) -> None:
    """Log `evt=<name>` with its fields, in the order given."""
    request_context = _request.get()
    if request_context is not None and level >= logging.INFO:
        request_context.told = True
    if logger.isEnabledFor(level):
        logger.handle(LogEvent(logger.name, level, name, fields))


class LogEvent(logging.LogRecord):
    """What happened; not where in the code and in which thread: to find that out takes longer.

    https://docs.python.org/3/howto/logging.html#optimization
    """

    evt: str
    fields: dict[str, object]

    def __init__(self, name: str, level: int, evt: str, fields: dict[str, object]) -> None:
        now = time.time()
        vars(self).update(
            _NOT_FOUND_OUT,
            name=name,
            levelno=level,
            levelname=logging.getLevelName(level),
            msg=evt,
            evt=evt,
            fields=fields,
            created=now,
            msecs=float(int(now % 1 * 1000)),
            relativeCreated=(now - _BEGAN) * 1000,
            process=os.getpid(),
            thread=threading.get_ident(),
        )


_FIRST = logging.LogRecord("", 0, "", 0, "", (), None)
_NOT_FOUND_OUT = vars(_FIRST) | {"threadName": None, "processName": None}
_BEGAN = _FIRST.created - _FIRST.relativeCreated / 1000


def configure(level: str, form: str = "text") -> None:
    """Send every log line of this process to standard error, as `text` or as `json`."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter(form))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)


def abandon(detail: str) -> Never:
    """End the process now, though threads are still at work; say why first."""
    event(logging.getLogger("hookonce"), logging.ERROR, "abandoned", detail=detail)
    logging.shutdown()
    os._exit(1)


def formatter(form: str) -> logging.Formatter:
    """What makes lines of this form: `text` or `json`."""
    return JsonFormatter() if form == "json" else KeyValueFormatter()


class KeyValueFormatter(logging.Formatter):
    """`at=... level=... evt=... key=value ...`; text from outside is quoted, on one line."""

    def format(self, record: logging.LogRecord) -> str:
        said = [f"{key}={quoted(value)}" for key, value in _fields(self, record).items()]
        return f"at={_at(record)} level={_level(record)} {' '.join(said)}"


class JsonFormatter(logging.Formatter):
    """One object on one line, in ASCII, with the same names; numbers are numbers."""

    def format(self, record: logging.LogRecord) -> str:
        fields = {name: _sayable(value) for name, value in _fields(self, record).items()}
        return json.dumps({"at": _at(record), "level": _level(record), **fields})


def _fields(maker: logging.Formatter, record: logging.LogRecord) -> dict[str, object]:
    fields: dict[str, object]
    name = getattr(record, "evt", None)
    if name is None:
        fields = {"logger": record.name, "msg": record.getMessage()}
    else:
        fields = {"evt": name, **getattr(record, "fields", {})}
    request_context = _request.get()
    if request_context is not None:
        fields["request_id"] = request_context.request_id
    if record.exc_info:
        fields["error"] = maker.formatException(record.exc_info)
    return fields


def _at(record: logging.LogRecord) -> str:
    return f"{_second(int(record.created))}.{int(record.msecs):03d}Z"


def _level(record: logging.LogRecord) -> str:
    return record.levelname.lower()


@lru_cache(maxsize=1)
def _second(moment: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment))


def _sayable(value: object) -> Any:
    """What JSON has no word for is told as text; NaN would be no JSON at all."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, bool | int | float) else str(value)


def quoted(value: object) -> str:
    """The value as one word: plain where that is safe, else as a JSON string."""
    if value is None:
        return "-"
    text = str(value)
    if type(value) is int:
        return text
    # an escaped sign of equality keeps words from outside from posing as a field
    return text if _PLAIN.fullmatch(text) else json.dumps(text).replace("=", "\\u003d")

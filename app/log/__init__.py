"""Log events, one line each: as key=value for a person and grep, or as JSON for a machine.

Every line that is written while a request is handled has the request's id, in any module. No caller
waits for the log's reader: a thread writes the lines (`app.log.output`).
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

from app.log import output

_PLAIN = re.compile(r"[\w.,:;/+@#%*()\[\]-]+", re.ASCII)


class RequestContext:
    """The id of a request, and `logged`: True once a line about it was written."""

    __slots__ = ("logged", "request_id")

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id
        self.logged = False


_request: ContextVar[RequestContext | None] = ContextVar("request", default=None)


class of:  # noqa: N801, called as a function would be; a generator's frames cost more
    """A context manager that writes the request's id into the lines of this thread."""

    __slots__ = ("_before", "_request_context")

    def __init__(self, request_context: RequestContext | None) -> None:
        self._request_context = request_context

    def __enter__(self) -> None:
        self._before = _request.set(self._request_context)

    def __exit__(self, *_: object) -> None:
        _request.reset(self._before)


def begin(request_context: RequestContext) -> None:
    """Write the request's id into the lines of this thread, until the next request begins."""
    _request.set(request_context)


def event(logger: logging.Logger, level: int, name: str, **fields: object) -> None:
    """Log `evt=<name>` with its fields, in their order."""
    request_context = _request.get()
    if request_context is not None and level >= logging.INFO:
        request_context.logged = True
    if logger.isEnabledFor(level):
        logger.handle(LogEvent(logger.name, level, name, fields))


class LogEvent(logging.LogRecord):
    """A record with an event's name and fields, without source line and thread name.

    Finding those two out takes longer than the rest of the line.
    https://docs.python.org/3/howto/logging.html#optimization
    """

    evt: str
    fields: dict[str, object]

    def __init__(self, name: str, level: int, evt: str, fields: dict[str, object]) -> None:
        now = time.time()
        vars(self).update(
            _LEFT_OUT,
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
_LEFT_OUT = vars(_FIRST) | {"threadName": None, "processName": None}
_BEGAN = _FIRST.created - _FIRST.relativeCreated / 1000


_LOGS_PLUGINS = "alembic.runtime.plugins"
"""Logger that writes a line for each of Alembic's own plug-ins when Alembic is loaded."""
_LOGS_STEPS = "alembic.runtime.migration"
_ABOUT_NO_STEP = ("Context impl ", "Will assume ")
"""Beginnings of the lines that Alembic writes for each connection that could change the schema."""
_LOGS_ADDRESSES = "urllib3"
"""Logger that writes each called address at DEBUG: its query may hold a secret."""


@contextmanager
def silenced(name: str) -> Iterator[None]:
    """Let this logger write nothing meanwhile, for work whose lines another part writes."""
    logger = logging.getLogger(name)
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


def configure(level: str, form: str = "text") -> None:
    """Write every log line of this process to standard error, as `text` or as `json`."""
    handler = _LineHandler(sys.stderr)
    handler.setFormatter(formatter(form))
    choose_format(form)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in (_LOGS_ADDRESSES, _LOGS_PLUGINS):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger(_LOGS_STEPS).addFilter(_is_about_a_step)


def _is_about_a_step(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith(_ABOUT_NO_STEP)


class _LineHandler(logging.StreamHandler[Any]):
    """Writes log lines to a stream, and flushes it after each line only if that does anything."""

    def flush(self) -> None:
        if not isinstance(self.stream, output.LineStream):
            super().flush()


def write_without_waiting() -> None:
    """Have standard output and error of this process, and of its forks, never make it wait."""
    output.replace_standard_streams(dropped_line)


def open_without_waiting(path: str) -> output.LineStream:
    """Open a log file to append lines to it that a thread writes."""
    fileno = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    return output.LineStream(output.queue(fileno, dropped_line))


def take_dropped() -> int:
    """Return the number of log lines that this process dropped since the last call."""
    return output.take_dropped()


def dropped_line(number: int) -> str:
    """Return the line about so many lines that were dropped."""
    detail = f"{number} log lines were dropped while the log could not be written"
    fields = {"number": number, "detail": detail}
    record = LogEvent("hookonce", logging.WARNING, "log_lines_dropped", fields)
    return f"{_chosen['formatter'].format(record)}\n"


def choose_format(form: str) -> None:
    """Write the lines about dropped lines as `text` or as `json`, as all others are."""
    _chosen["formatter"] = formatter(form)


def abandon(detail: str) -> Never:
    """Log the reason and end the process now, though threads are still running."""
    event(logging.getLogger("hookonce"), logging.ERROR, "abandoned", detail=detail)
    logging.shutdown()
    output.drain()
    os._exit(1)


def formatter(form: str) -> logging.Formatter:
    """Return the formatter of `text` or `json` lines."""
    return JsonFormatter() if form == "json" else KeyValueFormatter()


class KeyValueFormatter(logging.Formatter):
    """Writes `at=... level=... evt=... key=value ...`, on one line; text from outside is quoted."""

    def format(self, record: logging.LogRecord) -> str:
        fields = [f"{key}={quoted(value)}" for key, value in _fields(self, record).items()]
        return f"at={_at(record)} level={_level(record)} {' '.join(fields)}"


class JsonFormatter(logging.Formatter):
    """Writes one JSON object on one line, in ASCII, with the same names; numbers stay numbers."""

    def format(self, record: logging.LogRecord) -> str:
        fields = {name: _json_value(value) for name, value in _fields(self, record).items()}
        return json.dumps({"at": _at(record), "level": _level(record), **fields})


_chosen: dict[str, logging.Formatter] = {"formatter": KeyValueFormatter()}


def _fields(formatter: logging.Formatter, record: logging.LogRecord) -> dict[str, object]:
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
        fields["error"] = formatter.formatException(record.exc_info)
    return fields


def _at(record: logging.LogRecord) -> str:
    return f"{_second(int(record.created))}.{int(record.msecs):03d}Z"


def _level(record: logging.LogRecord) -> str:
    return record.levelname.lower()


@lru_cache(maxsize=1)
def _second(moment: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment))


def _json_value(value: object) -> Any:
    """Return the value if JSON has its type, else its text; NaN and infinity are not JSON."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, bool | int | float) else str(value)


def quoted(value: object) -> str:
    """Return the value as one word: plain if that is safe, else as a JSON string."""
    if value is None:
        return "-"
    text = str(value)
    if type(value) is int:
        return text
    # with `=` escaped, text from outside cannot look like a field
    return text if _PLAIN.fullmatch(text) else json.dumps(text).replace("=", "\\u003d")

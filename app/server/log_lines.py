"""The log lines that gunicorn itself writes."""

import logging
from functools import partial
from typing import Any

from gunicorn.glogging import Logger

from app import log, settings
from app.errors import InvalidSetting

GUNICORN = "gunicorn.error"


class ServerLogger(Logger):  # type: ignore[misc] # gunicorn has no types
    """Gunicorn's logger, which writes JSON where HOOKONCE_LOG_FORMAT asks for it."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for handler in self._handlers():
            if isinstance(handler, logging.FileHandler):
                _write_without_waiting(handler)
        try:
            chosen = settings.from_environment()
        except InvalidSetting:
            return  # on_starting reports it
        log.choose_format(chosen.hookonce_log_format)
        if chosen.hookonce_log_format == "json":
            for handler in self._handlers():
                handler.setFormatter(log.formatter("json"))

    def _handlers(self) -> list[logging.Handler]:
        return [*self.error_log.handlers, *self.access_log.handlers]


def _write_without_waiting(handler: logging.FileHandler) -> None:
    """Write the file of `--error-logfile` or `--access-logfile` by a thread, like all other lines.

    It may be a named pipe or `/dev/stdout`. Gunicorn opens it again when it is rotated.
    """
    handler.close()
    reopened: Any = partial(log.open_without_waiting, handler.baseFilename)
    handler._open = reopened  # type: ignore[method-assign]
    handler.stream = reopened()


def shorten_timeouts() -> None:
    """Write one line for each sender that was cut off, in place of a traceback."""
    logging.getLogger(GUNICORN).addFilter(_shortened)


def _shortened(record: logging.LogRecord) -> bool:
    if record.exc_info and isinstance(record.exc_info[1], BlockingIOError):
        record.msg, record.args, record.exc_info = "A sender fell silent and was cut off.", (), None
    return True

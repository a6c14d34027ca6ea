"""Pass a fast-parsed request to the application, and send its response in one piece.

gunicorn's own code takes over for a response that is unusual in any way, and for a server whose
operator asks gunicorn for more than responses: an access log, or hooks.
"""

import logging
import os
import re
import time
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from gunicorn import SERVER, util
from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.http import wsgi

from app.server.fast_parser import FastRequest, Headers

# names in lower case, as Falcon writes them
_FIELDS = re.compile(r"(?:[a-z0-9-]+: [\t -~\x80-\xff]*\r\n)+")
_UNPREFIXED = frozenset({"CONTENT-TYPE", "CONTENT-LENGTH"})
_STATUS = re.compile(r"(?!204|304)[2-5][0-9][0-9] [ -~]+")


def fast_path_allowed(cfg: Any, log: Any) -> bool:
    """Return whether this server does nothing for a request but answer it."""
    defaults = Config().settings
    hooks = ("pre_request", "post_request")
    has_hooks = any(cfg.settings[hook].get() is not defaults[hook].get() for hook in hooks)
    # at debug level gunicorn's own hook logs each request
    is_logged = log.access_log_enabled or log.error_log.isEnabledFor(logging.DEBUG)
    has_own_access_log = type(log).access is not Logger.access
    return not (has_hooks or is_logged or has_own_access_log or "SCRIPT_NAME" in os.environ)


class WsgiEnvironment:
    """Maker of WSGI environments equal to those of gunicorn's `wsgi.create`."""

    def __init__(self, cfg: Any) -> None:
        ours = {"wsgi.errors": _Errors(cfg), "wsgi.multithread": True, "SCRIPT_NAME": ""}
        self._common = wsgi.base_environ(cfg) | ours

    def of(self, request: FastRequest, conn: Any) -> dict[str, Any]:
        """Return the environment of this request, which came on a TCP connection."""
        environ = {
            **self._common,
            "wsgi.input": request.body,
            "wsgi.url_scheme": request.scheme,
            "gunicorn.socket": conn.sock,
            "REQUEST_METHOD": request.method,
            "RAW_URI": request.uri,
            "PATH_INFO": request.path,
            "QUERY_STRING": request.query,
            "SERVER_PROTOCOL": "HTTP/1.1",
            "SERVER_NAME": conn.server[0],
            "SERVER_PORT": str(conn.server[1]),
            "REMOTE_ADDR": conn.client[0],
            "REMOTE_PORT": str(conn.client[1]),
        }
        for name, value in request.headers:
            environ[_key(name)] = value
        return environ


class _Errors:
    """`wsgi.errors`: gunicorn's own stream, opened for each write since log files are rotated."""

    def __init__(self, cfg: Any) -> None:
        self._cfg = cfg

    def write(self, text: str) -> None:
        wsgi.WSGIErrorsWrapper(self._cfg).write(text)

    def writelines(self, texts: Iterable[str]) -> None:
        for text in texts:
            self.write(text)

    def flush(self) -> None:
        """Do nothing: no write is buffered."""


class FastResponse:
    """The application's response to one request."""

    def __init__(self) -> None:
        self.status = ""
        self.headers: Headers = []
        self.body = b""
        self._pieces: Iterable[bytes] = ()

    def of(self, application: Any, environ: dict[str, Any]) -> "FastResponse":
        """Call the application and collect its response: https://peps.python.org/pep-3333/"""
        written: list[bytes] = []

        def start_response(status: str, headers: Headers, _error: object = None) -> Any:
            self.status, self.headers = status, headers
            return written.append

        self._pieces = application(environ, start_response)
        try:
            for piece in self._pieces:
                written.append(piece)  # noqa: PERF402, the application may write in between
        except BaseException:
            self._close()
            raise
        self.body = b"".join(written)
        return self

    def send(self, request: FastRequest, conn: Any, cfg: Any, *, keep: bool) -> bool:
        """Send the response and only then close it; return whether the connection is kept."""
        try:
            message = self.in_one_piece(keep=keep)
            if message is None:
                return self.by_gunicorn(request, conn, cfg, keep=keep)
            conn.sock.sendall(message)
        finally:
            self._close()
        return keep

    def in_one_piece(self, *, keep: bool) -> bytes | None:
        """Return the response's bytes as gunicorn would send them; None if gunicorn must."""
        fields = "".join([f"{name}: {value}\r\n" for name, value in self.headers])
        by_name = dict(self.headers)
        is_usual = (
            by_name.get("content-length") == str(len(self.body))
            and util.hop_headers.isdisjoint(by_name)
            and _is_usual_status(self.status)
            and _FIELDS.fullmatch(fields)
            and fields.count("\r\n") == len(self.headers) == len(by_name)
        )
        if not is_usual:
            return None
        head = (
            f"HTTP/1.1 {self.status}\r\nServer: {SERVER}\r\nDate: {_date(int(time.time()))}\r\n"
            f"Connection: {'keep-alive' if keep else 'close'}\r\n{fields}\r\n"
        )
        return head.encode("latin-1") + self.body

    def by_gunicorn(self, request: FastRequest, conn: Any, cfg: Any, *, keep: bool) -> bool:
        """Send the response through gunicorn; return whether the connection is kept."""
        response = wsgi.Response(request, conn.sock, cfg)
        if not keep:
            response.force_close()
        response.start_response(self.status, self.headers)
        response.write(self.body)
        response.close()
        return not response.should_close()

    def _close(self) -> None:
        if hasattr(self._pieces, "close"):
            self._pieces.close()


@lru_cache(maxsize=64)
def _is_usual_status(status: str) -> bool:
    return _STATUS.fullmatch(status) is not None


@lru_cache(maxsize=128)  # senders choose the names, which may have 8 KiB each
def _key(name: str) -> str:
    return name.replace("-", "_") if name in _UNPREFIXED else "HTTP_" + name.replace("-", "_")


@lru_cache(maxsize=1)
def _date(seconds: int) -> str:
    return str(util.http_date(seconds))

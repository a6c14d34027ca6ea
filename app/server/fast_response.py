"""A plain request through the application, and its plain answer as one piece of bytes.

What gunicorn does besides, for an operator who asks for an access log or hooks, it does itself: for
such a server, or an answer that is unusual in any way, its own code takes over.
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


def as_usual(cfg: Any, log: Any) -> bool:
    """Whether this server does nothing for a request but answer it."""
    usual = Config().settings
    hooks = ("pre_request", "post_request")
    hooked = any(cfg.settings[hook].get() is not usual[hook].get() for hook in hooks)
    # at the level of debug gunicorn's own hook tells of each request
    told = log.access_log_enabled or log.error_log.isEnabledFor(logging.DEBUG)
    counted = type(log).access is not Logger.access
    return not (hooked or told or counted or "SCRIPT_NAME" in os.environ)


class WsgiEnvironment:
    """What a request is to WSGI, as gunicorn's `wsgi.create` tells it."""

    def __init__(self, cfg: Any) -> None:
        ours = {"wsgi.errors": _Errors(cfg), "wsgi.multithread": True, "SCRIPT_NAME": ""}
        self._always = wsgi.base_environ(cfg) | ours

    def of(self, request: FastRequest, conn: Any) -> dict[str, Any]:
        """The environment of this one, which came on a TCP connection."""
        environ = {
            **self._always,
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
    """`wsgi.errors`: gunicorn's own, made anew for whoever writes, since log files are rotated."""

    def __init__(self, cfg: Any) -> None:
        self._cfg = cfg

    def write(self, text: str) -> None:
        wsgi.WSGIErrorsWrapper(self._cfg).write(text)

    def writelines(self, texts: Iterable[str]) -> None:
        for text in texts:
            self.write(text)

    def flush(self) -> None:
        """Nothing is held back."""


class FastResponse:
    """What an application says to a request."""

    def __init__(self) -> None:
        self.status = ""
        self.headers: Headers = []
        self.body = b""
        self._said: Iterable[bytes] = ()

    def of(self, application: Any, environ: dict[str, Any]) -> "FastResponse":
        """https://peps.python.org/pep-3333/"""
        written: list[bytes] = []

        def start_response(status: str, headers: Headers, _error: object = None) -> Any:
            self.status, self.headers = status, headers
            return written.append

        self._said = application(environ, start_response)
        try:
            for piece in self._said:
                written.append(piece)  # noqa: PERF402, the application may write in between
        except BaseException:
            self._close()
            raise
        self.body = b"".join(written)
        return self

    def send(self, request: FastRequest, conn: Any, cfg: Any, *, keep: bool) -> bool:
        """Send it and only then close it; whether the connection is kept."""
        try:
            whole = self.in_one_piece(keep=keep)
            if whole is None:
                return self.by_gunicorn(request, conn, cfg, keep=keep)
            conn.sock.sendall(whole)
        finally:
            self._close()
        return keep

    def in_one_piece(self, *, keep: bool) -> bytes | None:
        """The answer as gunicorn would send it; None if it must see to it."""
        fields = "".join([f"{name}: {value}\r\n" for name, value in self.headers])
        named = dict(self.headers)
        plain = (
            named.get("content-length") == str(len(self.body))
            and util.hop_headers.isdisjoint(named)
            and _STATUS.fullmatch(self.status)
            and _FIELDS.fullmatch(fields)
            and fields.count("\r\n") == len(self.headers) == len(named)
        )
        if not plain:
            return None
        head = (
            f"HTTP/1.1 {self.status}\r\nServer: {SERVER}\r\nDate: {_date(int(time.time()))}\r\n"
            f"Connection: {'keep-alive' if keep else 'close'}\r\n{fields}\r\n"
        )
        return head.encode("latin-1") + self.body

    def by_gunicorn(self, request: FastRequest, conn: Any, cfg: Any, *, keep: bool) -> bool:
        """Send it; whether the connection is kept."""
        response = wsgi.Response(request, conn.sock, cfg)
        if not keep:
            response.force_close()
        response.start_response(self.status, self.headers)
        response.write(self.body)
        response.close()
        return not response.should_close()

    def _close(self) -> None:
        if hasattr(self._said, "close"):
            self._said.close()


def _key(name: str) -> str:
    return name.replace("-", "_") if name in _UNPREFIXED else "HTTP_" + name.replace("-", "_")


@lru_cache(maxsize=1)
def _date(moment: int) -> str:
    return str(util.http_date(moment))

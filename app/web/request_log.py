"""Give each request an id, in its response and its log lines, and log it at least once.

A webhook request has a line that states its outcome, so it gets no second one. The route is logged
instead of the path, because a path may contain a secret.
"""

import logging
import random
import re
import time
from functools import partial

import falcon

from app import log
from app.web import after_response

HEADER = "X-Request-Id"
_HEADER_KEY = "HTTP_X_REQUEST_ID"
QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
"""Paths that monitoring polls every few seconds; they are logged at DEBUG level."""
_ACCEPTED_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:~+-]{0,63}", re.ASCII)

logger = logging.getLogger("hookonce.web")


class RequestLog:
    """Middleware that assigns request ids; it must come first so that all log lines have one."""

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        """Set the request id: the one that the client sent if it is acceptable, else a new one."""
        req.context.request_context = log.RequestContext(request_id(req.env.get(_HEADER_KEY)))
        req.context.began = time.monotonic()
        log.begin(req.context.request_context)

    def process_response(
        self, req: falcon.Request, resp: falcon.Response, _resource: object, _succeeded: bool
    ) -> None:
        """Return the id in the response, and log the request unless it has been logged."""
        resp.set_header(HEADER, req.context.request_context.request_id)
        seconds = time.monotonic() - req.context.began
        after_response.defer(partial(_log, req, resp, seconds))


def _log(req: falcon.Request, resp: falcon.Response, seconds: float) -> None:
    if not req.context.request_context.logged:
        log.event(
            logger,
            logging.DEBUG if req.path in QUIET else logging.INFO,
            "request",
            method=req.method,
            route=req.uri_template,
            status=resp.status_code,
            seconds=round(seconds, 4),
            actor=getattr(getattr(req.context, "identity", None), "name", None),
        )


def request_id(sent: str | None) -> str:
    """Return the client's id if it is short and plain; else a new one, which need not be secret."""
    if sent and _ACCEPTED_ID.fullmatch(sent):
        return sent
    return f"{random.getrandbits(64):016x}"

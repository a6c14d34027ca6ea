"""Each request has an id, in its answer and in every line about it, and at least one line.

A webhook's line says what became of it, so it needs no second one. Paths are told by the route they
took: a secret may stand in them.
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
QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
"""Asked every few seconds by machines."""
_SANE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:~+-]{0,63}", re.ASCII)

logger = logging.getLogger("hookonce.web")


class RequestLog:
    """Middleware: to be named first, so that all else happens under the request's id."""

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        """The id that came along is kept if it is sane; else one is made."""
        req.context.request_context = log.RequestContext(request_id(req.get_header(HEADER)))
        req.context.began = time.monotonic()
        log.begin(req.context.request_context)

    def process_response(
        self, req: falcon.Request, resp: falcon.Response, _resource: object, _succeeded: bool
    ) -> None:
        """The answer names the id; a line tells of the request if none did."""
        resp.set_header(HEADER, req.context.request_context.request_id)
        took = time.monotonic() - req.context.began
        after_response.defer(partial(_tell, req, resp, took))


def _tell(req: falcon.Request, resp: falcon.Response, seconds: float) -> None:
    if not req.context.request_context.told:
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


def request_id(given: str | None) -> str:
    """What came along, if it is short and plain; else a new one, which is no secret."""
    if given and _SANE.fullmatch(given):
        return given
    return f"{random.getrandbits(64):016x}"

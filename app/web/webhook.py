"""/api/triggers/webhook/{trigger_id}: receive webhook requests."""

import time
from functools import lru_cache
from typing import Any

import falcon

from app.errors import DatabaseUnavailable, TooLarge, Unreadable
from app.intake.message import OK, Request, WebhookResponse
from app.intake.receive import (
    Intake,
    body_limit,
    count_refusal,
    greet,
    receive,
    record_response_time,
)
from app.web import body, client_address

ALLOWED = ("HEAD", "POST")
"""Methods of an address of a webhook; GET belongs to the verification requests of Meta alone."""

UNCOMPRESSED = "Send the body uncompressed, without Content-Encoding."
"""Sentence of a 415."""


class Webhook:
    """The webhook endpoint: one request in, one response out."""

    def __init__(
        self, intake: Intake, max_body_bytes: int, public_url: str, proxy_count: int = 0
    ) -> None:
        self._intake = intake
        self._max_body_bytes = max_body_bytes
        self._public_url = public_url
        self._proxy_count = proxy_count

    def on_post(
        self, req: falcon.Request, resp: falcon.Response, trigger_id: str, secret: str | None = None
    ) -> None:
        """Admit the request's events, then respond; the response time is counted."""
        began = time.monotonic()
        try:
            content = self._body(req, trigger_id, secret)
            _respond(resp, receive(self._request(req, trigger_id, content, secret), self._intake))
        finally:
            record_response_time(trigger_id, time.monotonic() - began, self._intake)

    def on_get(
        self, req: falcon.Request, resp: falcon.Response, trigger_id: str, secret: str | None = None
    ) -> None:
        """Answer a sender's verification request (`hub.mode`); any other GET is 405.

        A redirect turns a POST into a GET, so a 2xx would tell the sender that its event arrived.
        """
        if "hub.mode" not in req.params:
            raise falcon.HTTPMethodNotAllowed(ALLOWED)
        _respond(resp, greet(self._request(req, trigger_id, b"", secret), self._intake))

    def on_head(
        self, req: falcon.Request, resp: falcon.Response, trigger_id: str, secret: str | None = None
    ) -> None:
        """Answer 200 for an address of any id, without looking the trigger up.

        Intercom and Trello save an address only if HEAD is answered so; events never come by it.
        """
        if "hub.mode" in req.params:
            self.on_get(req, resp, trigger_id, secret)
        else:
            resp.set_header("Allow", ", ".join(ALLOWED))

    def _body(self, req: falcon.Request, trigger_id: str, secret: str | None) -> bytes:
        """Return the body as sent; count and raise what makes it unacceptable."""
        try:
            content = body.read(req, self._limit(req, trigger_id))
            _require_uncompressed(req)
        except (TooLarge, Unreadable, DatabaseUnavailable) as error:
            self._count_refusal(req, trigger_id, secret, error)
            raise
        except falcon.HTTPUnsupportedMediaType as error:
            self._count_refusal(req, trigger_id, secret, Unreadable(str(error.description)))
            raise
        return content

    def _count_refusal(
        self, req: falcon.Request, trigger_id: str, secret: str | None, error: Exception
    ) -> None:
        request = self._request(req, trigger_id, b"", secret)
        count_refusal(request, req.content_length or 0, error, self._intake)

    def _limit(self, req: falcon.Request, trigger_id: str) -> int:
        """Return the most bytes of the body; the trigger is looked up only for a large one."""
        length, general = req.content_length, self._max_body_bytes
        if length is not None and length <= general:
            return general
        return body_limit(trigger_id, general, self._intake)

    def _request(
        self, req: falcon.Request, trigger_id: str, content: bytes, secret: str | None
    ) -> Request:
        return Request(
            trigger_id=trigger_id,
            headers=_headers(req.env),
            body=content,
            presented_secret=secret,
            url=self._public_url + req.relative_uri,
            query={name: value for name, value in req.params.items() if isinstance(value, str)},
            request_context=req.context.request_context,
            address=client_address.of(req, self._proxy_count),
        )


def _headers(environ: dict[str, Any]) -> dict[str, str]:
    """Return the request headers, names in lower case, values as sent."""
    headers = {
        _header_name(name): value for name, value in environ.items() if name.startswith("HTTP_")
    }
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(name):
            headers[name.replace("_", "-").lower()] = environ[name]
    return headers


@lru_cache(maxsize=128)  # senders choose the names, which may have 8 KiB each
def _header_name(name: str) -> str:
    return name.removeprefix("HTTP_").replace("_", "-").lower()


def _require_uncompressed(req: falcon.Request) -> None:
    """Refuse a compressed body: its signature and size limit apply to other bytes than those sent.

    Call it after the body was read; otherwise the sender sees a reset instead of the response.
    """
    header = req.env.get("HTTP_CONTENT_ENCODING")
    if not header:
        return
    if any(coding.strip() not in ("", "identity") for coding in header.lower().split(",")):
        raise falcon.HTTPUnsupportedMediaType(
            description=UNCOMPRESSED,
            headers={"Accept-Encoding": "identity"},
        )


def _respond(resp: falcon.Response, response: WebhookResponse) -> None:
    resp.status = response.status
    if response is OK:
        resp.data = body.OK_BODY
    elif isinstance(response.body, str):
        resp.content_type = response.content_type or falcon.MEDIA_TEXT
        resp.data = body.text_bytes(response.body)
    else:
        resp.media = response.body

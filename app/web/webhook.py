"""/api/triggers/webhook/{trigger_id}: where senders knock."""

import time
from typing import Any

import falcon

from app.errors import TooLarge, Unreadable
from app.intake.message import Request, WebhookResponse
from app.intake.receive import Intake, count_refusal, greet, receive, record_response_time
from app.stats import outcomes
from app.web import body


class Webhook:
    """One webhook request in, one answer out."""

    def __init__(self, intake: Intake, max_body_bytes: int, public_url: str) -> None:
        self._intake = intake
        self._max_body_bytes = max_body_bytes
        self._public_url = public_url

    def on_post(
        self, req: falcon.Request, resp: falcon.Response, trigger_id: str, secret: str | None = None
    ) -> None:
        """Admit what the request says, then say so."""
        began = time.monotonic()
        try:
            arrived = self._body(req, trigger_id)
            _respond(resp, receive(self._request(req, trigger_id, arrived, secret), self._intake))
        finally:
            record_response_time(trigger_id, time.monotonic() - began, self._intake)

    def on_get(
        self, req: falcon.Request, resp: falcon.Response, trigger_id: str, secret: str | None = None
    ) -> None:
        """Answer a sender that asks whether this address is ours; nothing else is to be had."""
        if "hub.mode" not in req.params:
            raise falcon.HTTPMethodNotAllowed(["POST"])
        _respond(resp, greet(self._request(req, trigger_id, b"", secret), self._intake))

    def _body(self, req: falcon.Request, trigger_id: str) -> bytes:
        """The body as sent; what is wrong with it already is counted and raised."""
        try:
            arrived = body.read(req, self._max_body_bytes)
            _require_plain(req)
        except (TooLarge, Unreadable) as error:
            count_refusal(trigger_id, outcomes.of(error), self._intake)
            raise
        except falcon.HTTPUnsupportedMediaType:
            count_refusal(trigger_id, outcomes.MALFORMED, self._intake)
            raise
        return arrived

    def _request(
        self, req: falcon.Request, trigger_id: str, arrived: bytes, secret: str | None
    ) -> Request:
        return Request(
            trigger_id=trigger_id,
            headers=_headers(req.env),
            body=arrived,
            presented_secret=secret,
            url=self._public_url + req.relative_uri,
            query={name: value for name, value in req.params.items() if isinstance(value, str)},
            request_context=req.context.request_context,
        )


def _headers(environ: dict[str, Any]) -> dict[str, str]:
    """By their names in lower case, as sent."""
    headers = {
        name[5:].replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(name):
            headers[name.replace("_", "-").lower()] = environ[name]
    return headers


def _require_plain(req: falcon.Request) -> None:
    """Refuse a compressed body: its signature and its size would be those of other bytes.

    Asked once the body is read, so that the sender sees the answer and not a reset.
    """
    said = req.env.get("HTTP_CONTENT_ENCODING")
    codings = said.lower().split(",") if said else []
    if any(coding.strip() not in ("", "identity") for coding in codings):
        raise falcon.HTTPUnsupportedMediaType(
            description="Send the body as it is, without a Content-Encoding.",
            headers={"Accept-Encoding": "identity"},
        )


def _respond(resp: falcon.Response, answer: WebhookResponse) -> None:
    resp.status = answer.status
    if isinstance(answer.body, str):
        resp.content_type = falcon.MEDIA_TEXT
        resp.text = answer.body
    else:
        resp.media = answer.body

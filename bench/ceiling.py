"""What gunicorn and Falcon can do at most, and what checking alone costs: both store nothing."""

import hmac
import json
import logging
import os

import falcon

from app import log
from app.intake.signatures import hmac_sha256_hex
from app.web.health import Liveness
from app.web.security_headers import WEBHOOKS
from bench import traffic

logger = logging.getLogger("hookonce")


class Nothing:
    """Says ok."""

    def on_post(self, req: falcon.Request, resp: falcon.Response, **_path: str) -> None:
        """Read the body, as every receiver must."""
        req.bounded_stream.read()
        resp.media = {"status": "ok"}


class Checked:
    """Does what no receiver of signed webhooks can leave out, and keeps nothing of it."""

    def on_post(self, req: falcon.Request, resp: falcon.Response, trigger_id: str) -> None:
        """Verify, parse, find the key, write the log's line."""
        body = req.bounded_stream.read()
        signature = req.get_header("X-Webhook-Signature", default="").removeprefix("sha256=")
        if not hmac.compare_digest(signature, hmac_sha256_hex(traffic.SECRET, body)):
            raise falcon.HTTPUnauthorized
        key = json.loads(body)["messageId"]
        log.event(logger, logging.INFO, "checked", trigger_id=trigger_id, idempotency_key=key)
        resp.media = {"status": "ok"}


class InTurn(falcon.App):
    """Says that its requests may be answered as the product's are, without a thread for each."""

    answered_in_turn = WEBHOOKS


def application() -> falcon.App:
    """The ceiling: what anyone has who writes a handler that stores nothing."""
    return _serving(falcon.App(), Nothing())


def in_turn() -> falcon.App:
    """The same on the product's own short way."""
    return _serving(InTurn(), Nothing())


def checking() -> falcon.App:
    """On that way too, and as near to it as a receiver can come that asks who sent it."""
    return _serving(InTurn(), Checked())


def _serving(app: falcon.App, resource: Nothing | Checked) -> falcon.App:
    """It says when it serves, as the product does."""
    log.configure("INFO")
    app.add_route(WEBHOOKS + "{trigger_id}", resource)
    app.add_route("/healthz", Liveness())
    log.event(logger, logging.INFO, "serving", pid=os.getpid())
    return app

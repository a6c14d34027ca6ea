"""Receivers that store nothing: the ceiling of gunicorn and Falcon, and the cost of verifying."""

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


class OkResource:
    """Answers ok to every request."""

    def on_post(self, req: falcon.Request, resp: falcon.Response, **_path: str) -> None:
        """Read the body, as every receiver must."""
        req.bounded_stream.read()
        resp.media = {"status": "ok"}


class VerifyingResource:
    """Does all that a receiver of signed webhooks must do, except storing."""

    def on_post(self, req: falcon.Request, resp: falcon.Response, trigger_id: str) -> None:
        """Verify, parse, find the key, write the log line."""
        body = req.bounded_stream.read()
        signature = req.get_header("X-Webhook-Signature", default="").removeprefix("sha256=")
        if not hmac.compare_digest(signature, hmac_sha256_hex(traffic.SECRET, body)):
            raise falcon.HTTPUnauthorized
        key = json.loads(body)["messageId"]
        log.event(logger, logging.INFO, "checked", trigger_id=trigger_id, idempotency_key=key)
        resp.media = {"status": "ok"}


class CooperativeApp(falcon.App):
    """An app whose requests are answered on one thread, as the product's are."""

    cooperative_prefix = WEBHOOKS


def application() -> falcon.App:
    """Return the ceiling: a handler that stores nothing, with a thread for each request."""
    return _serving(falcon.App(), OkResource())


def cooperative() -> falcon.App:
    """Return the ceiling on the product's own answering thread."""
    return _serving(CooperativeApp(), OkResource())


def verifying() -> falcon.App:
    """Return the ceiling of receivers that verify signatures, on the answering thread."""
    return _serving(CooperativeApp(), VerifyingResource())


def _serving(app: falcon.App, resource: OkResource | VerifyingResource) -> falcon.App:
    """Add the routes, and log `serving` as the product does."""
    log.configure("INFO")
    app.add_route(WEBHOOKS + "{trigger_id}", resource)
    app.add_route("/healthz", Liveness())
    log.event(logger, logging.INFO, "serving", pid=os.getpid())
    return app

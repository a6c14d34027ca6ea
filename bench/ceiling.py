"""What gunicorn and Falcon can do at most: it reads the body, looks at nothing, stores nothing."""

import logging
import os

import falcon

from app import log
from app.web.health import Alive


class Nothing:
    """Says ok."""

    def on_post(self, req: falcon.Request, resp: falcon.Response, **_path: str) -> None:
        """Read the body, as every receiver must."""
        req.bounded_stream.read()
        resp.media = {"status": "ok"}


def application() -> falcon.App:
    """The ceiling, which says when it serves, as the product does."""
    log.configure("INFO")
    app = falcon.App()
    app.add_route("/api/triggers/webhook/{trigger_id}", Nothing())
    app.add_route("/healthz", Alive())
    log.event(logging.getLogger("hookonce"), logging.INFO, "serving", pid=os.getpid())
    return app

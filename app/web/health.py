"""Is it alive, and is it ready? For load balancers and for the person on call."""

import falcon

from app import health
from app.db import Database


class Liveness:
    """GET /healthz: this process answers."""

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """200 as long as the process can answer at all."""
        resp.media = {"status": "ok"}


class Readiness:
    """GET /readyz: events can be admitted, or what keeps them from it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """200 with every check passed, else 503; the checks either way."""
        findings = health.findings(self._database)
        ready = all(finding.passed for finding in findings)
        resp.status = 200 if ready else 503
        resp.media = {
            "status": "ready" if ready else "not_ready",
            "checks": {finding.name: finding.detail for finding in findings},
        }

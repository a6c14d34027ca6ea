"""/healthz and /readyz: liveness and readiness, for load balancers and the person on call."""

import falcon

from app import health
from app.db import Database


class Liveness:
    """GET /healthz: 200 while this process answers."""

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Answer 200; the database is not asked."""
        resp.media = {"status": "ok"}


class Readiness:
    """GET /readyz: 200 if events can be admitted; else 503 with the failed check."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Answer 200 if every check passed, else 503; the body has the checks in both cases."""
        findings = health.findings(self._database)
        ready = all(finding.passed for finding in findings)
        resp.status = 200 if ready else 503
        resp.media = {
            "status": "ready" if ready else "not_ready",
            "checks": {finding.name: finding.detail for finding in findings},
        }

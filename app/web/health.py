"""/healthz and /readyz: liveness and readiness, for load balancers and the person on call.

Anyone may ask. So the sentences, which name paths, versions and revisions, are for operators and
for the log alone.
"""

import logging

import falcon

from app import auth, health, log
from app.auth import OPERATOR
from app.db import Database
from app.errors import HookonceError
from app.health import Finding
from app.web.auth import Authenticator

logger = logging.getLogger("hookonce.web")


class Liveness:
    """GET /healthz: 200 while this process answers."""

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Answer 200; the database is not asked."""
        resp.media = {"status": "ok"}


class Readiness:
    """GET /readyz: 200 if events can be admitted; else 503 with the failed check."""

    def __init__(self, database: Database, authenticator: Authenticator) -> None:
        self._database = database
        self._authenticator = authenticator
        self._logged: str | None = None
        """Sentence of the failed check that was logged last."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Answer 200 if every check passed, else 503; the body has the checks in both cases."""
        findings = health.findings(self._database)
        self._log_change(findings[-1])
        ready = all(finding.passed for finding in findings)
        shown = _sentences if self._is_operator(req) else _verdicts
        resp.status = 200 if ready else 503
        resp.media = {"status": "ready" if ready else "not_ready", "checks": shown(findings)}

    def _is_operator(self, req: falcon.Request) -> bool:
        """Return True for a token or session of an operator; False also while that is unknown."""
        if not req.auth and not req.cookies:
            return False
        try:
            auth.require(self._authenticator.recognise(req), OPERATOR)
        except HookonceError:
            return False
        return True

    def _log_change(self, last: Finding) -> None:
        """Log the sentence of a failed check, once until it changes or passes."""
        failed = None if last.passed else last.detail
        if failed is not None and failed != self._logged:
            log.event(logger, logging.WARNING, "not_ready", check=last.name, detail=failed)
        self._logged = failed


def _sentences(findings: list[Finding]) -> dict[str, str]:
    return {finding.name: finding.detail for finding in findings}


def _verdicts(findings: list[Finding]) -> dict[str, str]:
    return {finding.name: "passed" if finding.passed else "failed" for finding in findings}

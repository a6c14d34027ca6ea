"""/healthz and /readyz: liveness and readiness, for load balancers and the person on call.

Anyone may ask. So the sentences, which name paths, versions and revisions, are for operators and
for the log alone.
"""

import logging
import threading
import time

import falcon

from app import auth, health, log
from app.auth import OPERATOR
from app.db import Database, time_limit
from app.errors import HookonceError
from app.health import Finding
from app.web.auth import Authenticator

FRESH_SECONDS = 1.0
"""Seconds for which the checks are not made again: one of them writes."""
CHECK_SECONDS = 2.0
"""Seconds that all checks may take together, so that a probe gets its answer in time."""

logger = logging.getLogger("hookonce.web")


class Liveness:
    """GET /healthz: 200 while this process answers."""

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Answer 200; the database is not asked."""
        resp.media = {"status": "ok"}


class Readiness:
    """GET /readyz: 200 if events can be admitted; else 503 with the failed check."""

    def __init__(
        self, database: Database, authenticator: Authenticator, *, needs_worker: bool = False
    ) -> None:
        self._findings = _RecentFindings(database, needs_worker)
        self._authenticator = authenticator
        self._logged: str | None = None
        """Sentence of the failed check that was logged last."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Answer 200 if every check passed, else 503; the body has the checks in both cases."""
        findings = self._findings.current()
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


class _RecentFindings:
    """The findings of the checks, at most a second old; requests at the same time share them."""

    def __init__(self, database: Database, needs_worker: bool) -> None:
        self._database = database
        self._needs_worker = needs_worker
        self._lock = threading.Lock()
        self._findings: list[Finding] = []
        self._fresh_until = 0.0

    def current(self) -> list[Finding]:
        """Return the findings; make the checks if the last ones are too old."""
        with self._lock:
            if time.monotonic() >= self._fresh_until:
                with time_limit.of(CHECK_SECONDS):
                    self._findings = self._made()
                self._fresh_until = time.monotonic() + FRESH_SECONDS
            return self._findings

    def _made(self) -> list[Finding]:
        findings = health.findings(self._database)
        if findings[-1].passed:
            findings.append(health.workers_alive(self._database, needed=self._needs_worker))
        return findings


def _sentences(findings: list[Finding]) -> dict[str, str]:
    return {finding.name: finding.detail for finding in findings}


def _verdicts(findings: list[Finding]) -> dict[str, str]:
    return {finding.name: "passed" if finding.passed else "failed" for finding in findings}

"""The checks of `hookonce doctor`: requests of every kind, each with its expected result."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
import urllib3

from app.db import Database
from app.db.models import trigger_executions
from app.errors import InvalidTrigger
from app.intake import key, sources, verification
from app.intake.signing import signed_headers
from app.settings import Settings
from app.triggers.address import webhook_url

AT_ONCE = 20
"""Equal requests that the check `simultaneous` sends at the same moment."""
PAST_SECONDS = 60.0
"""Seconds by which the stale request is older than allowed."""
TIMEOUT_SECONDS = 30.0
_BODY = "body:"
_HEADER = "header:"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of one kind of request, beside the expected one."""

    check: str
    passed: bool | None
    """None: the check was skipped, because no such request can be made for this source."""
    came_back: str
    expected: str


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request to be sent: body and headers."""

    body: bytes
    headers: Mapping[str, str]


class Examination:
    """Sends requests to one trigger and counts the executions that they leave in the database."""

    def __init__(
        self, database: Database, settings: Settings, trigger: sa.Row[Any], address: str
    ) -> None:
        self._database = database
        self._settings = settings
        self._trigger = trigger
        self._source = sources.named(trigger.source)
        self._secret = database.secret_box.decrypt(trigger) or ""
        self._address = address
        self._pool = urllib3.PoolManager(
            maxsize=AT_ONCE, retries=False, timeout=urllib3.Timeout(TIMEOUT_SECONDS)
        )

    def findings(self) -> Iterator[CheckResult]:
        """Run the checks one after the other and yield their results."""
        try:
            self._signed(_event(self._trigger))
        except InvalidTrigger as error:
            for name in ("signed", "duplicate", "simultaneous", "stale", "empty"):
                yield CheckResult(name, None, f"skipped: {error}", "-")
        else:
            yield from self._signed_requests()
        yield self._refused("wrong secret", self._forged())
        yield self._refused("unsigned", _event(self._trigger))
        general = self._settings.hookonce_max_body_bytes
        limit = sources.body_bytes(self._trigger.source, general)
        large = Outgoing(b"x" * (limit + 1), {})
        yield self._check("oversize", lambda: [self._post(large)], [413], 0)

    def _signed_requests(self) -> Iterator[CheckResult]:
        event = self._signed(_event(self._trigger))
        yield self._check("signed", lambda: [self._post(event)], [200], None)
        per_request, keyed = self._admitted()
        repeated = 0 if keyed else per_request
        yield self._check("duplicate", lambda: [self._post(event)], [200], repeated)
        other = self._signed(_event(self._trigger))
        simultaneous = per_request if keyed else per_request * AT_ONCE
        yield self._check("simultaneous", lambda: self._post_at_once(other), [200], simultaneous)
        yield self._stale()
        empty = self._signed(Outgoing(b"", {}))
        yield self._check("empty", lambda: [self._post(empty)], [200, 400, 422], None, least=0)

    def _stale(self) -> CheckResult:
        limit = self._trigger.tolerance_seconds
        limit = self._default_tolerance() if limit is None else limit
        event = _event(self._trigger)
        if limit is None:
            return CheckResult("stale", None, "skipped: this trigger has no time limit", "-")
        old = self._signed(event, time.time() - limit - PAST_SECONDS)
        if old.headers == self._signed(event, 0).headers:
            return CheckResult("stale", None, "skipped: this source signs no time", "-")
        return self._refused("stale", old)

    def _default_tolerance(self) -> float | None:
        description = self._trigger.verification
        if description:
            return verification.compiled(description).tolerance_seconds
        return self._source.tolerance_seconds

    def _forged(self) -> Outgoing:
        event = _event(self._trigger)
        try:
            headers = self._proof(event.body, uuid4().hex)
        except InvalidTrigger:
            headers = {"X-Webhook-Signature": uuid4().hex}
        return Outgoing(event.body, {**event.headers, **headers})

    def _refused(self, name: str, request: Outgoing) -> CheckResult:
        status = self._source.refusal_status or self._settings.hookonce_refusal_status
        return self._check(name, lambda: [self._post(request)], [status], 0)

    def _check(
        self,
        name: str,
        send: Callable[[], list[int]],
        statuses: list[int],
        executions: int | None,
        least: int = 1,
    ) -> CheckResult:
        """Send, and compare the statuses and the number of new executions with the expected ones.

        `executions` is the exact number; None: at least `least`.
        """
        before = self._admitted()[0]
        received = sorted(set(send()))
        admitted = self._admitted()[0] - before
        as_expected = admitted >= least if executions is None else admitted == executions
        expected = " or ".join(map(str, statuses))
        number = f"{least} or more" if executions is None else executions
        return CheckResult(
            name,
            set(received) <= set(statuses) and as_expected,
            f"{' and '.join(map(str, received))}, {admitted} execution(s)",
            f"{expected}, {number} execution(s)",
        )

    def _admitted(self) -> tuple[int, bool]:
        """Return the number of the trigger's executions, and True if each of them has a key."""
        columns = trigger_executions.c
        query = sa.select(sa.func.count(), sa.func.count(columns.idempotency_key))
        with self._database.reading() as connection:
            of_trigger = query.where(columns.trigger_id == self._trigger.id)
            number, keyed = connection.execute(of_trigger).one()
        return int(number), number == keyed

    def _signed(self, request: Outgoing, at: float | None = None) -> Outgoing:
        proof = self._proof(request.body, self._secret, at)
        return Outgoing(request.body, {**request.headers, **proof})

    def _proof(self, body: bytes, secret: str, at: float | None = None) -> dict[str, str]:
        """Return the headers that prove the secret; the service knows itself by its public URL."""
        trigger = self._trigger
        url = webhook_url(self._settings.hookonce_public_url, trigger.id)
        return signed_headers(
            *(trigger.source, secret, body, at), description=trigger.verification, url=url
        )

    def _post_at_once(self, request: Outgoing) -> list[int]:
        barrier = threading.Barrier(AT_ONCE)

        def send(_number: int) -> int:
            barrier.wait(TIMEOUT_SECONDS)
            return self._post(request)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(send, range(AT_ONCE)))

    def _post(self, request: Outgoing) -> int:
        headers = {"Content-Type": "application/json", **request.headers}
        return self._pool.request("POST", self._address, body=request.body, headers=headers).status


def _event(trigger: sa.Row[Any]) -> Outgoing:
    """Return a made-up event with an id in every place that a source or this trigger reads."""
    name, number = uuid4().hex, uuid4().int % 2**31
    headers = {
        "Idempotency-Key": name,
        "Linear-Delivery": name,
        "X-GitHub-Delivery": name,
        "X-Shopify-Event-Id": name,
        "X-Shopify-Topic": "hookonce/doctor",
    }
    body: dict[str, Any] = {
        **dict.fromkeys(("idempotency_key", "id", "event_id", "notification_id"), name),
        **dict.fromkeys(("type", "event", "event_type", "action"), "hookonce.doctor"),
        **dict.fromkeys(("instance", "instanceId", "webhook_id"), "doctor"),
        "update_id": number,
        "history_items": [{"id": name}],
        "data": {"id": name, "key": {"id": name, "remoteJid": "doctor"}, "Info": {"ID": name}},
    }
    if trigger.source == "whatsapp":
        value = {"messages": [{"id": name}]}
        body["entry"] = [{"id": "doctor", "changes": [{"field": "messages", "value": value}]}]
    for part in key.parts(trigger.idempotency_key_from):
        if part.startswith(_HEADER):
            headers[part.removeprefix(_HEADER)] = name
        elif part.startswith(_BODY):
            _put(body, part.removeprefix(_BODY).split("."), name)
    return Outgoing(json.dumps(body).encode(), headers)


def _put(body: dict[str, Any], path: list[str], value: str) -> None:
    for step in path[:-1]:
        if not isinstance(body.get(step), dict):
            body[step] = {}
        body = body[step]
    body[path[-1]] = value

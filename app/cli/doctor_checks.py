"""What a trigger is examined with: requests of every kind, and what each should come to."""

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
from app.intake import sources, trigger_cache
from app.intake.signing import signed_headers
from app.settings import Settings

AT_ONCE = 20
PAST_SECONDS = 60.0
"""How much older than allowed a stale request is."""
PATIENCE_SECONDS = 30.0
_BODY = "body:"
_HEADER = "header:"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One kind of request: what came back, and what should have."""

    check: str
    passed: bool | None
    """None: it could not be asked."""
    came_back: str
    expected: str


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request that is yet to be signed."""

    body: bytes
    headers: Mapping[str, str]


class Examination:
    """Sends requests to one trigger and looks what they left in the database."""

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
            maxsize=AT_ONCE, retries=False, timeout=urllib3.Timeout(PATIENCE_SECONDS)
        )

    def findings(self) -> Iterator[CheckResult]:
        """One after the other, as they are made."""
        try:
            self._signed(_event(self._trigger))
        except InvalidTrigger as error:
            for name in ("signed", "duplicate", "simultaneous", "stale", "empty"):
                yield CheckResult(name, None, f"not asked: {error}", "-")
        else:
            yield from self._receiving()
        yield self._refused("wrong secret", self._forged())
        yield self._refused("unsigned", _event(self._trigger))
        large = Outgoing(b"x" * (self._settings.hookonce_max_body_bytes + 1), {})
        yield self._answered("oversize", lambda: [self._post(large)], [413], 0)

    def _receiving(self) -> Iterator[CheckResult]:
        event = self._signed(_event(self._trigger))
        first = self._answered("signed", lambda: [self._post(event)], [200], None)
        yield first
        each, keyed = self._admitted()
        again = 0 if keyed else each
        yield self._answered("duplicate", lambda: [self._post(event)], [200], again)
        other = self._signed(_event(self._trigger))
        together = each if keyed else each * AT_ONCE
        yield self._answered("simultaneous", lambda: self._at_once(other), [200], together)
        yield self._stale()
        empty = self._signed(Outgoing(b"", {}))
        yield self._answered("empty", lambda: [self._post(empty)], [200, 400, 422], None, least=0)

    def _stale(self) -> CheckResult:
        limit = self._trigger.tolerance_seconds
        limit = self._source.tolerance_seconds if limit is None else limit
        event = _event(self._trigger)
        if limit is None:
            return CheckResult("stale", None, "not asked: no age is too old here", "-")
        old = self._signed(event, time.time() - limit - PAST_SECONDS)
        if old.headers == self._signed(event, 0).headers:
            return CheckResult("stale", None, "not asked: no time is signed here", "-")
        return self._refused("stale", old)

    def _forged(self) -> Outgoing:
        event = _event(self._trigger)
        try:
            headers = signed_headers(self._trigger.source, uuid4().hex, event.body)
        except InvalidTrigger:
            headers = {"X-Webhook-Signature": uuid4().hex}
        return Outgoing(event.body, {**event.headers, **headers})

    def _refused(self, name: str, request: Outgoing) -> CheckResult:
        status = self._source.refusal_status or self._settings.hookonce_refusal_status
        return self._answered(name, lambda: [self._post(request)], [status], 0)

    def _answered(
        self,
        name: str,
        send: Callable[[], list[int]],
        statuses: list[int],
        executions: int | None,
        least: int = 1,
    ) -> CheckResult:
        """`executions`: exactly so many are to come of it; None: at least `least`."""
        before = self._admitted()[0]
        came = sorted(set(send()))
        made = self._admitted()[0] - before
        enough = made >= least if executions is None else made == executions
        wanted = " or ".join(map(str, statuses))
        number = f"{least} or more" if executions is None else executions
        return CheckResult(
            name,
            set(came) <= set(statuses) and enough,
            f"{' and '.join(map(str, came))}, {made} execution(s)",
            f"{wanted}, {number} execution(s)",
        )

    def _admitted(self) -> tuple[int, bool]:
        """How many executions there are, and whether each has a key."""
        columns = trigger_executions.c
        query = sa.select(sa.func.count(), sa.func.count(columns.idempotency_key))
        with self._database.reading() as connection:
            of_trigger = query.where(columns.trigger_id == self._trigger.id)
            number, keyed = connection.execute(of_trigger).one()
        return int(number), number == keyed

    def _signed(self, request: Outgoing, at: float | None = None) -> Outgoing:
        proof = signed_headers(self._trigger.source, self._secret, request.body, at)
        return Outgoing(request.body, {**request.headers, **proof})

    def _at_once(self, request: Outgoing) -> list[int]:
        together = threading.Barrier(AT_ONCE)

        def send(_number: int) -> int:
            together.wait(PATIENCE_SECONDS)
            return self._post(request)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(send, range(AT_ONCE)))

    def _post(self, request: Outgoing) -> int:
        headers = {"Content-Type": "application/json", **request.headers}
        return self._pool.request("POST", self._address, body=request.body, headers=headers).status


def _event(trigger: sa.Row[Any]) -> Outgoing:
    """An event of no meaning, with an id wherever some source or this trigger looks for one."""
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
    for part in trigger_cache.key_parts(trigger.idempotency_key_from):
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

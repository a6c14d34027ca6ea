"""Triggers that were taken over accept what the older system accepted, and no others do."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from falcon import testing

from app import clock
from app.db import Database
from app.intake import older_rules
from app.settings import from_environment
from app.triggers import lookup, manage, removal
from app.triggers.definition import NewTrigger
from app.web.application import create_app
from tests.support import factories, found_databases, samples
from tests.support.databases import KINDS, Databases, migrate
from tests.support.in_process_sender import post
from tests.support.samples import Sent

SIGNED_OTHERWISE = (
    *("adyen", "discord", "evolution", "evolution_go", "gitlab", "mercadopago", "paddle"),
    *("shopify", "slack", "standard", "telegram", "twilio", "whatsapp"),
)
"""Sources of ours that the older system verified by X-Webhook-Signature."""
PUBLIC_KEY = samples.DISCORD_KEY.public_key().public_bytes_raw().hex()
ROWS: list[dict[str, object]] = [
    *({"source": source, "slug": source} for source in SIGNED_OTHERWISE),
    {"source": "github", "slug": "github"},
    {"source": "stripe", "slug": "stripe"},
    {"source": "custom", "type": "event", "slug": "event"},
    {"source": "telegram", "type": "event", "slug": "event-of-telegram"},
    {"source": "custom", "type": "event", "slug": "event-off", "enabled": False},
    {"source": "discord", "slug": "rotated"},
    {"source": "discord", "slug": "keyed"},
    {"source": "telegram", "slug": "logged"},
    {"source": "whatsapp", "slug": "last"},
]


@dataclass(frozen=True, slots=True)
class Found:
    """A database that was taken over, and an application on it."""

    client: testing.TestClient
    database: Database

    def id(self, slug: str) -> int:
        with self.database.reading() as connection:
            return int(lookup.find_trigger(connection, slug).id)

    def secret(self, slug: str) -> str:
        with self.database.reading() as connection:
            return str(lookup.find_trigger(connection, slug).secret)

    def status(self, slug: str, headers: dict[str, str], body: bytes) -> int:
        """Return the status of the response to a webhook for this trigger."""
        json_type = {"Content-Type": "application/json"}
        answer = post(self.client, self.id(slug), Sent(headers=json_type | headers, body=body))
        return int(answer.status_code)

    def admitted(self, slug: str) -> int:
        trigger_id = self.id(slug)
        return sum(row.trigger_id == trigger_id for row in factories.executions(self.database))


@pytest.fixture(scope="module", params=KINDS)
def found(databases: Databases, request: pytest.FixtureRequest) -> Iterator[Found]:
    with databases.empty(str(request.param)) as url:
        found_databases.make_triggers(url, ROWS)
        migrate(url)
        settings = from_environment({"DATABASE_URL": url})
        database = Database(settings)
        yield Found(testing.TestClient(create_app(settings, database)), database)
        database.dispose()


def older_signature(secret: str, body: bytes) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def body(number: int = 1) -> bytes:
    return json.dumps({"event": "push", "message": {"text": "hi"}, "number": number}).encode()


@pytest.mark.parametrize("source", SIGNED_OTHERWISE)
def test_a_found_trigger_accepts_the_signature_of_the_older_system(
    found: Found, source: str
) -> None:
    proof, before = older_signature(found.secret(source), body()), found.admitted(source)

    assert found.status(source, {"X-Webhook-Signature": proof}, body()) == 200
    assert found.status(source, {"X-Signature": f"sha256={proof}"}, body()) == 200
    assert found.admitted(source) - before == 2
    wrong = older_signature("another", body())
    assert found.status(source, {"X-Webhook-Signature": wrong}, body()) == 401
    assert found.status(source, {}, body()) == 401
    assert found.admitted(source) - before == 2


@pytest.mark.parametrize("source", ["discord", "slack", "whatsapp"])
def test_it_is_an_event_and_answered_as_the_older_system_did(found: Found, source: str) -> None:
    ping = b'{"type": 1, "challenge": "c", "event": "x"}'
    proof = older_signature(found.secret(source), ping)
    before = found.admitted(source)

    answer = post(found.client, found.id(source), Sent({"X-Webhook-Signature": proof}, ping))

    assert (answer.status_code, answer.json) == (200, {"status": "ok"})
    assert found.admitted(source) == before + 1


def test_a_found_trigger_still_accepts_the_senders_own_proof(found: Found) -> None:
    token = {"X-Telegram-Bot-Api-Secret-Token": found.secret("event-of-telegram")}

    assert found.status("event-of-telegram", token, body()) == 200


@pytest.mark.parametrize("source", ["github", "stripe"])
def test_a_source_that_the_older_system_knew_needs_its_own_proof(found: Found, source: str) -> None:
    proof = older_signature(found.secret(source), body())

    assert found.status(source, {"X-Webhook-Signature": proof}, body()) == 401


def test_a_found_event_trigger_receives_webhooks(found: Found) -> None:
    proof = older_signature(found.secret("event"), body())

    assert found.status("event", {"X-Webhook-Signature": proof}, body()) == 200
    assert found.admitted("event") == 1
    assert found.status("event", {"X-Webhook-Signature": "0" * 64}, body()) == 401
    off = older_signature(found.secret("event-off"), body())
    assert found.status("event-off", {"X-Webhook-Signature": off}, body()) == 401


@pytest.mark.parametrize(
    ("source", "kind", "secret"),
    [("telegram", "webhook", "s"), ("discord", "webhook", PUBLIC_KEY), ("custom", "event", "s")],
)
def test_a_trigger_that_was_made_here_accepts_none_of_it(
    found: Found, source: str, kind: str, secret: str
) -> None:
    new = {"source": source, "type": kind, "action_payload": "x"}
    row = manage.add_trigger(found.database, NewTrigger(name=f"new {source}", secret=secret, **new))
    proof = older_signature(secret, body())

    assert found.status(row.slug, {"X-Webhook-Signature": proof}, body()) == 401
    assert found.admitted(row.slug) == 0


def test_a_secret_that_was_set_here_signs_nothing_by_the_older_rule(found: Found) -> None:
    """It may be a public key: everybody could sign with it."""
    before = found.secret("rotated")
    manage.rotate_secret(found.database, "rotated", 3600, secret=PUBLIC_KEY)

    for secret in (PUBLIC_KEY, before):
        proof = older_signature(secret, body())
        assert found.status("rotated", {"X-Webhook-Signature": proof}, body()) == 401
    sent = samples.signed("discord", Sent(body=b'{"type": 1}'), at=clock.now())
    assert found.status("rotated", sent.headers, sent.body) == 200


def test_a_trigger_that_was_made_here_is_not_found_after_a_way_to_base_and_back(
    found: Found,
) -> None:
    """The database is taken over anew, with all its rows; a new trigger of Discord has a key."""
    manage.update_trigger(found.database, "keyed", {"idempotency_key_from": "provider"})
    proof = older_signature(found.secret("keyed"), body())

    assert found.status("keyed", {"X-Webhook-Signature": proof}, body()) == 401


def test_each_use_of_an_older_rule_is_logged_once(
    found: Found, caplog: pytest.LogCaptureFixture
) -> None:
    proof = older_signature(found.secret("logged"), body())

    with caplog.at_level("WARNING", "hookonce.intake"):
        for _ in range(3):
            found.status("logged", {"X-Webhook-Signature": proof}, body())

    uses = [each for each in caplog.records if getattr(each, "evt", None) == "older_rule"]
    fields = {"trigger_id": found.id("logged"), "rule": older_rules.SIGNATURE}
    assert [each.fields for each in uses] == [fields]


def test_the_id_of_a_found_trigger_makes_no_new_one_a_found_one(found: Found) -> None:
    """SQLite gives it again after the removal of the newest row."""
    with found.database.reading() as connection:
        newest = max(row.id for row in connection.execute(manage.triggers.select()))
    for trigger_id in range(found.id("last"), newest + 1):
        removal.remove_trigger(found.database, trigger_id)
    new: dict[str, Any] = {"source": "discord", "action_payload": "x", "secret": PUBLIC_KEY}
    row = manage.add_trigger(found.database, NewTrigger(name="in its place", **new))
    found.client.app.schema.forget()

    proof = older_signature(PUBLIC_KEY, body())

    assert found.status(row.slug, {"X-Webhook-Signature": proof}, body()) == 401
    assert found.status("adyen", {"X-Signature": _of(found, "adyen")}, body()) == 200


def _of(found: Found, slug: str) -> str:
    return older_signature(found.secret(slug), body())

"""A trigger's key policy decides which events are duplicates, on both databases."""

import json
from dataclasses import replace

import pytest

from app.db import Database
from app.errors import KeyMissing
from app.intake.message import WebhookResponse
from app.intake.receive import Intake, receive
from app.triggers import manage
from app.triggers.fields import COLUMNS
from tests.support import factories, samples
from tests.support.databases import migrate


def deliver(
    intake: Intake, trigger_id: int, delivery: str | None, **body: object
) -> WebhookResponse:
    sent = samples.json_request("custom", body)
    extra = {} if delivery is None else {"X-Delivery": delivery}
    sent = replace(sent, headers=sent.headers | extra)
    return receive(factories.request(sent, trigger_id), intake)


def keys(database: Database) -> list[str | None]:
    return [row.idempotency_key for row in factories.executions(database)]


def test_the_key_is_made_of_the_triggers_parts(database: Database, intake: Intake) -> None:
    policy = json.dumps(["header:X-Delivery", "body:shop"])
    trigger_id = factories.trigger(database, idempotency_key_from=policy)

    for delivery, shop in (("d", "a"), ("d", "a"), ("d", "b")):
        deliver(intake, trigger_id, delivery, shop=shop, messageId="same")

    assert keys(database) == ['["d","a"]', '["d","b"]']


def test_with_none_every_delivery_is_an_execution(database: Database, intake: Intake) -> None:
    trigger_id = factories.trigger(database, idempotency_key_from="none")

    for _ in range(2):
        deliver(intake, trigger_id, None, messageId="same")

    assert keys(database) == [None, None]


def test_an_event_without_a_key_is_refused_if_the_trigger_requires_one(
    database: Database, intake: Intake
) -> None:
    trigger_id = factories.trigger(database, missing_key="refuse")

    with pytest.raises(KeyMissing):
        deliver(intake, trigger_id, None, text="no key")

    assert keys(database) == []


def test_below_the_policy_s_revision_the_default_places_count(
    database_url: str, database: Database, intake: Intake
) -> None:
    trigger_id = factories.trigger(database, idempotency_key_from="none")
    migrate(database_url, to="0005", down=True)

    deliver(intake, trigger_id, None, messageId="m-1")
    migrate(database_url)

    assert keys(database) == ["m-1"]


def test_a_new_trigger_keeps_its_policy(database: Database) -> None:
    described = manage.NewTrigger(
        name="orders",
        source="github",
        action_payload="x",
        idempotency_key_from=COLUMNS["idempotency_key_from"].stored(["provider", "body:a"]),
        missing_key="refuse",
    )

    row = manage.add_trigger(database, described)

    assert (row.idempotency_key_from, row.missing_key) == ('["provider", "body:a"]', "refuse")

"""/notifications and the chips of /executions."""

import pytest
import sqlalchemy as sa
from falcon import testing

from app import clock
from app.db import Database, utc_now
from app.db.models import delivery_journal, notification_channels, notification_messages
from app.notifications import channels
from tests.support import factories
from tests.support.visitor import Visitor


def visitor_of(client: testing.TestClient, token: str) -> Visitor:
    visitor = Visitor(client)
    visitor.log_in(token)
    return visitor


def test_an_admin_adds_tests_and_removes_a_channel(
    client: testing.TestClient, database: Database, admin: str
) -> None:
    ada = visitor_of(client, admin)
    form = {"name": "ops", "kind": "webhook", "address": "https://a.example/canary"}

    added = ada.post("/notifications", form | {"condition_no_worker": "on", "trigger_id": ""})
    tested = ada.post("/notifications/1/test")
    with database.reading() as connection:
        messages = connection.execute(notification_messages.select()).all()
        (row,) = channels.every(connection)
    listed = ada.get("/notifications")
    asked = ada.get("/notifications/1/remove")
    removed = ada.post("/notifications/1/remove")

    assert added.status_code == 201
    assert "whsec_" in added.text
    assert "whsec_" not in listed.text
    assert "canary" not in listed.text + added.text
    assert (tested.status_code, len(messages), messages[0].kind) == (303, 1, "test")
    assert row.conditions == '["no_worker"]'
    assert "1 waiting" in listed.text
    assert (asked.status_code, removed.status_code) == (200, 303)
    assert "there is no channel" in ada.get("/notifications").text


def test_a_test_of_a_failing_channel_waits_for_no_later_try(
    client: testing.TestClient, database: Database, admin: str
) -> None:
    ada = visitor_of(client, admin)
    address = "https://a.example/canary"
    ada.post("/notifications", {"name": "ops", "kind": "webhook", "address": address})
    failing = sa.update(notification_channels).values(failure_count=9, next_send_at=utc_now(1800))
    with database.writing() as connection:
        connection.execute(failing)

    ada.post("/notifications/1/test")

    with database.reading() as connection:
        now, next_at = connection.execute(
            sa.select(utc_now().label("now"), notification_channels.c.next_send_at)
        ).one()
    assert next_at <= now


def test_a_mistake_keeps_what_was_typed(client: testing.TestClient, admin: str) -> None:
    ada = visitor_of(client, admin)

    answer = ada.post("/notifications", {"name": "ops", "kind": "email", "address": "nobody"})

    assert answer.status_code == 422
    assert "is not a mail address" in answer.text
    assert 'value="nobody"' in answer.text


def test_a_viewer_reads_and_changes_nothing(client: testing.TestClient, viewer: str) -> None:
    page = visitor_of(client, viewer).get("/notifications")

    assert page.status_code == 200
    assert "New channel" not in page.text


def test_a_chip_for_each_filter_removes_it_and_a_status_adds_one(
    client: testing.TestClient, database: Database, viewer: str
) -> None:
    factories.execution(database, factories.trigger(database), "failed", event_data='{"a":"b c"}')

    page = visitor_of(client, viewer).get("/executions?text=b%20c&since=2020-01-01T00:00")

    since = "since=2020-01-01T00%3A00"
    assert f'href="/executions?{since}" aria-label="Remove the filter text: b c"' in page.text
    assert "status=failed&amp;since=2020-01-01T00%3A00&amp;text=b+c" in page.text or (
        "status=failed&amp;text=b+c&amp;since=2020-01-01T00%3A00" in page.text
    )


@pytest.mark.parametrize("path", ["/executions", "/dead", "/deliveries"])
def test_each_list_has_chips_and_filters_by_the_sender(
    client: testing.TestClient, database: Database, viewer: str, path: str
) -> None:
    ours = factories.trigger(database, name="Shop", slug="shop", source="github")
    other = factories.trigger(database, name="Till", slug="till", source="stripe")
    for trigger_id in (ours, other):
        key = f"in_{trigger_id}"
        factories.execution(database, trigger_id, "failed", idempotency_key=key)
        refused = {"trigger_id": trigger_id, "at": clock.now(), "outcome": "duplicate"}
        refused |= {"size": 1, "stored_bytes": 1, "more": 0, "events": 1, "headers": "{}"}
        with database.writing() as connection:
            connection.execute(
                sa.insert(delivery_journal).values(refused | {"idempotency_key": key})
            )
    visitor = visitor_of(client, viewer)

    by_sender = visitor.get(f"{path}?source=github&key_prefix=in_").text
    by_trigger = visitor.get(f"{path}?trigger_id={ours}&source=nobody").text

    assert "in_1</code>" in by_sender
    assert "in_2</code>" not in by_sender
    assert (
        f'href="{path}?key_prefix=in_" aria-label="Remove the filter sender: github"' in by_sender
    )
    assert '<option value="github" selected>' in by_sender
    assert "Remove the filter trigger: Shop" in by_trigger
    assert "<option selected>nobody</option>" in by_trigger
    assert "</code>" not in by_trigger.partition('id="live"')[2]

"""A person accepts a refused or filtered delivery: admitted once, under its key, with a name."""

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner
from falcon import testing

from app.cli import main
from app.db import Database
from app.intake import sources
from app.intake.sources import custom
from app.settings import Settings
from tests.support import factories
from tests.support.api import Api
from tests.support.journal_service import JournalService
from tests.support.samples import Sent, json_request, trigger_secret
from tests.support.visitor import Visitor

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def service(settings: Settings, database: Database) -> JournalService:
    return JournalService(settings, database)


@pytest.fixture
def client(service: JournalService) -> testing.TestClient:
    return service.client


def unsigned(payload: object) -> Sent:
    return Sent(JSON, json.dumps(payload).encode())


def newest(api: Api, token: str) -> dict[str, Any]:
    return dict(api.ask("GET", "/api/deliveries", token).json["deliveries"][0])


def accept(api: Api, token: str, delivery_id: int) -> testing.Result:
    return api.ask("POST", f"/api/deliveries/{delivery_id}/accept", token)


def test_a_refused_delivery_is_admitted_once_and_its_redelivery_is_a_duplicate(
    service: JournalService, api: Api, operator: str
) -> None:
    trigger_id = factories.trigger(api.database)
    payload = {"event": "paid", "messageId": "m-1"}
    assert service.post(trigger_id, unsigned(payload)) == 401
    delivery = newest(api, operator)

    answer = accept(api, operator, delivery["id"])
    again = accept(api, operator, delivery["id"])
    service.post(trigger_id, json_request("custom", payload))

    (execution,) = factories.executions(api.database)
    assert answer.json == {
        "status": "accepted",
        "execution_ids": [execution.id],
        "duplicates_of": [],
    }
    assert (execution.status, execution.idempotency_key) == ("pending", "m-1")
    assert json.loads(execution.event_data)["data"] == payload
    assert (again.status_code, again.json["error"]) == (409, "not_acceptable")
    shown = api.ask("GET", f"/api/deliveries/{delivery['id']}", operator).json
    assert (shown["accepted_by"], shown["accepted_execution_id"]) == ("a operator", execution.id)
    (change,) = api.changes("delivery.accept")
    assert (change.actor, change.subject) == ("a operator", f"delivery:{delivery['id']}")
    assert newest(api, operator)["outcome"] == "duplicate"


def test_a_duplicate_is_still_a_duplicate_and_its_delivery_is_marked_as_accepted(
    service: JournalService, api: Api, operator: str, caplog: pytest.LogCaptureFixture
) -> None:
    trigger_id = factories.trigger(api.database)
    payload = {"messageId": "m-1"}
    service.post(trigger_id, json_request("custom", payload))
    service.post(trigger_id, unsigned(payload))
    delivery = newest(api, operator)

    with caplog.at_level(logging.INFO, "hookonce"):
        answer = accept(api, operator, delivery["id"])

    (execution,) = factories.executions(api.database)
    events = [getattr(each, "evt", None) for each in caplog.records]
    assert "idempotent_replay" in events
    assert "idempotent_replay_race" not in events
    assert answer.json == {
        "status": "duplicate",
        "execution_ids": [],
        "duplicates_of": [execution.id],
    }
    shown = newest(api, operator)
    assert (shown["accepted_by"], shown["accepted_at"] is None) == ("a operator", False)
    assert (shown["accepted_execution_id"], shown["execution_id"]) == (None, execution.id)
    assert json.loads(api.changes("delivery.accept")[0].after)["duplicates_of"] == [execution.id]


def test_an_accepted_duplicate_says_so_everywhere_and_is_admitted_once_its_key_is_forgotten(
    service: JournalService,
    api: Api,
    operator: str,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trigger_id = factories.trigger(api.database)
    execution_id = factories.execution(
        api.database, trigger_id, status="completed", idempotency_key="m-1"
    )
    service.post(trigger_id, unsigned({"messageId": "m-1"}))
    delivery_id = newest(api, operator)["id"]
    page = f"/deliveries/{delivery_id}"
    visitor = Visitor(api.client)
    visitor.log_in(operator)
    monkeypatch.setenv("DATABASE_URL", settings.database_url)

    done = visitor.post(f"{page}/accept")
    shown, listed = visitor.get(page).text, visitor.get("/deliveries").text
    table = CliRunner().invoke(main, ["delivery", "list"]).stdout
    repeated = CliRunner().invoke(main, ["delivery", "accept", str(delivery_id), "--yes"])
    not_run = api.ask("POST", f"/api{page}/run", operator)
    api.ask("POST", f"/api/triggers/executions/{execution_id}/forget-key", operator)
    again = accept(api, operator, delivery_id)
    once_more = accept(api, operator, delivery_id)

    assert done.headers["Location"] == f"{page}?done=known"
    assert "Nothing new runs: its key was known" in shown
    assert ("Accept again…" in shown, "Run as its own execution" in shown) == (True, False)
    assert f'accepted: a duplicate of <a href="/executions/{execution_id}">' in listed
    assert f"accepted by a operator: execution {execution_id}, a duplicate" in table
    assert f"nothing new runs. Duplicates of: {execution_id}." in repeated.stdout
    assert not_run.status_code == 409
    assert (again.json["status"], len(factories.executions(api.database))) == ("accepted", 2)
    assert (once_more.status_code, once_more.json["error"]) == (409, "not_acceptable")


def test_a_filtered_delivery_passes_the_filter_by_a_persons_word(
    service: JournalService, api: Api, operator: str
) -> None:
    trigger_id = factories.trigger(
        api.database, event_filter='{"event": "paid"}', missing_key="refuse"
    )
    service.post(trigger_id, json_request("custom", {"event": "refunded"}))
    delivery = newest(api, operator)
    visitor = Visitor(api.client)
    visitor.log_in(operator)

    asked = visitor.get(f"/deliveries/{delivery['id']}/accept")
    done = visitor.post(f"/deliveries/{delivery['id']}/accept")
    again = visitor.post(f"/deliveries/{delivery['id']}/accept")

    (execution,) = factories.executions(api.database)
    assert "filter of the trigger did not let this event pass" in asked.text
    assert done.headers["Location"] == f"/executions/{execution.id}?done=accepted"
    assert (again.status_code, "was accepted by a operator" in again.text) == (409, True)


PRIVATE_KEY = {"idempotency_key_from": "header:X-Private-Id"}


@pytest.mark.parametrize(
    ("columns", "headers", "body", "kept", "why"),
    [
        (PRIVATE_KEY, {"X-Private-Id": "1"}, b"{}", "partial", "a header that its key needs"),
        ({}, {}, b'{"a": ', "partial", "its body cannot be read"),
        ({}, {}, b"x" * 70_000, "too_large", "its body is too large to be kept"),
        ({}, {}, b"", "none", "its body is not kept"),
        ({"source": "github"}, {"X-GitHub-Event": "ping"}, b'{"zen": 1}', "whole", "no event"),
    ],
    ids=["key in a header that is not stored", "malformed", "too large", "empty", "handshake"],
)
def test_what_its_execution_needs_must_be_kept(
    service: JournalService,
    api: Api,
    operator: str,
    columns: dict[str, Any],
    headers: dict[str, str],
    body: bytes,
    kept: str,
    why: str,
) -> None:
    trigger_id = factories.trigger(api.database, **columns)
    service.post(trigger_id, Sent({**JSON, **headers}, body))
    delivery = newest(api, operator)

    answer = accept(api, operator, delivery["id"])

    assert delivery["body_kept"] == kept
    assert (answer.status_code, answer.json["error"]) == (409, "not_acceptable")
    assert why in answer.json["detail"]
    assert factories.executions(api.database) == []
    assert newest(api, operator)["accepted_at"] is None


def test_a_request_in_which_its_source_finds_no_event_cannot_be_accepted(
    service: JournalService, api: Api, operator: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.post(factories.trigger(api.database), unsigned({"event": "paid"}))
    delivery = newest(api, operator)
    without_events = replace(custom.SOURCE, events=lambda _request, _payload: [])
    monkeypatch.setitem(sources._SOURCES, "custom", without_events)

    answer = accept(api, operator, delivery["id"])

    assert (answer.status_code, answer.json["error"]) == (409, "not_acceptable")
    assert newest(api, operator)["accepted_at"] is None


def test_a_partly_filtered_request_whose_events_have_no_key_is_not_admitted_twice(
    service: JournalService, api: Api, operator: str
) -> None:
    trigger_id = factories.trigger(
        api.database,
        source="adyen",
        secret=trigger_secret("adyen"),
        idempotency_key_from="none",
        event_filter='{"event_type": "AUTHORISATION"}',
    )
    item = {"pspReference": "1", "merchantAccountCode": "A", "success": "true"}
    item |= {"amount": {"value": 1, "currency": "EUR"}, "merchantReference": "r"}
    items = [
        {"NotificationRequestItem": {**item, "eventCode": code}}
        for code in ("AUTHORISATION", "REFUND")
    ]
    service.post(trigger_id, json_request("adyen", {"live": "false", "notificationItems": items}))
    delivery = newest(api, operator)

    answer = accept(api, operator, delivery["id"])

    assert (delivery["outcome"], delivery["events"]) == ("filtered", 1)
    assert (delivery["body_kept"], answer.status_code) == ("partial", 409)
    assert len(factories.executions(api.database)) == 1


def test_of_two_people_at_the_same_time_one_accepts(
    service: JournalService, api: Api, operator: str
) -> None:
    trigger_id = factories.trigger(api.database)
    service.post(trigger_id, unsigned({"event": "without a key"}))
    delivery = newest(api, operator)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: accept(api, operator, delivery["id"]), range(4)))

    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert len(factories.executions(api.database)) == 1
    assert len(api.changes("delivery.accept")) == 1


def test_the_command_asks_and_accepts(
    service: JournalService,
    api: Api,
    operator: str,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service.post(factories.trigger(api.database), unsigned({"messageId": "m-9"}))
    delivery_id = str(newest(api, operator)["id"])
    monkeypatch.setenv("DATABASE_URL", settings.database_url)

    declined = CliRunner().invoke(main, ["delivery", "accept", delivery_id], input="n\n")
    done = CliRunner().invoke(main, ["delivery", "accept", delivery_id, "--yes", "--json"])

    (execution,) = factories.executions(api.database)
    assert (declined.exit_code, "m-9" in declined.output) == (1, True)
    assert json.loads(done.stdout) == {"execution_ids": [execution.id], "duplicates_of": []}
    (change,) = api.changes("delivery.accept")
    assert change.actor.startswith("cli:")

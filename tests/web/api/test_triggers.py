"""/api/triggers: create, change, test and delete triggers; responses and audit log entries."""

import json
from typing import Any

import pytest
import sqlalchemy as sa

from app import clock
from app.db import Database
from app.db.models import triggers
from app.masking import MASK
from app.web.api.schemas.executions import Execution
from app.web.api.schemas.triggers import Trigger
from tests.support import factories
from tests.support.api import Api
from tests.support.samples import SECRET

PAYLOAD = "https://orders.acme.example/"
NEW = {"name": "Order Paid!", "action_type": "http", "action_payload": PAYLOAD}
AGREED = [
    *("id", "name", "slug", "type", "source", "event_filter", "action_type", "action_payload"),
    *("agent", "enabled", "from_yaml", "remote_trigger_id", "source_plugin", "created_by"),
    *("created_at", "updated_at", "execution_count"),
]
"""Fields that the older dashboard's page reads."""


def made(api: Api, token: str, **given: Any) -> dict[str, Any]:
    answer = api.ask("POST", "/api/triggers", token, json=NEW | given)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json
    return found


def test_a_filter_with_a_slip_is_warned_of_and_kept(api: Api, operator: str) -> None:
    slip = {"event_type": "Push"}

    trigger = made(api, operator, source="github", event_filter=slip)
    sent_back = trigger | {"event_filter": {"event": "push"}}
    del sent_back["secret"]
    changed = api.ask("PUT", f"/api/triggers/{trigger['id']}", operator, json=sent_back)

    assert trigger["event_filter"] == slip
    assert trigger["warnings"] == ["github has no event 'Push'; it has 'push'"]
    assert (changed.status_code, changed.json["warnings"]) == (200, [])


def test_a_trigger_is_made_and_its_secret_told_this_once(api: Api, operator: str) -> None:
    trigger = made(api, operator)
    shown = api.ask("GET", f"/api/triggers/{trigger['id']}", operator)

    assert len(trigger["secret"]) == 64
    assert trigger["webhook_url"].endswith(f"/api/triggers/webhook/{trigger['id']}")
    assert (trigger["slug"], trigger["execution_count"]) == ("order-paid", 0)
    assert trigger["secret"] not in shown.text
    assert "secret" not in shown.json


def test_a_trigger_has_all_that_was_agreed_on(api: Api, operator: str) -> None:
    trigger = made(api, operator)

    assert set(AGREED) <= trigger.keys()
    assert trigger.keys() - {"secret"} == Trigger.__annotations__.keys()
    assert trigger["event_filter"] == {}
    assert clock.moment(trigger["created_at"]) is not None
    assert trigger["created_at"].endswith("Z")


@pytest.mark.parametrize("event_filter", [{"action": "opened"}, '{"action": "opened"}'])
def test_an_event_filter_is_an_object_however_it_came(
    api: Api, operator: str, event_filter: object
) -> None:
    assert made(api, operator, event_filter=event_filter)["event_filter"] == {"action": "opened"}


def test_everything_that_describes_a_trigger_is_kept(api: Api, operator: str) -> None:
    described = {
        "type": "event",
        "source": "github",
        "agent": "an-agent",
        "enabled": False,
        "remote_trigger_id": "r-1",
        "source_plugin": "p",
        "idempotency_key_from": ["header:X-Id", "body:a.b"],
        "missing_key": "refuse",
        "tolerance_seconds": 30,
        "retry_policy": {"max_attempts": 3},
        "max_concurrency": 2,
        "keep_payload_seconds": 60,
        "keep_rows_seconds": 3600.5,
    }

    trigger = made(api, operator, **described)

    assert {name: trigger[name] for name in described} == described


def test_a_found_rows_oddities_are_shown_and_not_an_error(
    api: Api, viewer: str, database: Database
) -> None:
    odd = {"event_filter": "not json", "source": "", "retry_policy": "[]", "created_at": None}
    trigger_id = factories.trigger(database, **odd)
    factories.execution(database, trigger_id, event_data="{'a': 1}")

    shown = api.ask("GET", f"/api/triggers/{trigger_id}", viewer).json

    assert (shown["event_filter"], shown["source"], shown["retry_policy"]) == ({}, "custom", None)
    assert shown["executions"][0]["event_data"] == "{'a': 1}"


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({}, "name is missing"),
        (NEW | {"name": ""}, "name must have 1 to 200 characters"),
        (NEW | {"name": "x" * 201}, "name must have 1 to 200 characters"),
        (NEW | {"name": None}, "name must be text"),
        (NEW | {"source": "nobody"}, "there is no source 'nobody'"),
        (NEW | {"action_type": "fly"}, "there is no action 'fly'"),
        (NEW | {"action_payload": ""}, "a trigger needs a payload"),
        (NEW | {"action_payload": "ftp://x"}, ""),
        (NEW | {"event_filter": "{"}, "the event filter is not JSON"),
        (NEW | {"event_filter": "[]"}, "the event filter must be an object"),
        (NEW | {"event_filter": []}, "event_filter must be an object or text"),
        (NEW | {"event_filter": {"a": "\0"}}, "a character that cannot be stored"),
        (NEW | {"event_filter": {"a": ["\ud800"]}}, "a character that cannot be stored"),
        (NEW | {"enabled": "yes"}, "enabled must be true or false"),
        (NEW | {"enabled": 1}, "enabled must be true or false"),
        (NEW | {"secret": ""}, "secret must have 1 to 255 characters"),
        (NEW | {"type": "cron"}, "type must be one of webhook, event"),
        (NEW | {"idempotency_key_from": "nowhere"}, "is not a part of a key"),
        (NEW | {"missing_key": "ignore"}, "missing_key must be one of accept, refuse"),
        (NEW | {"tolerance_seconds": -1}, "tolerance_seconds must be at least 0"),
        (NEW | {"tolerance_seconds": True}, "tolerance_seconds must be a number"),
        (NEW | {"retry_policy": {"max_attempts": 0}}, "max_attempts"),
        (NEW | {"max_concurrency": 0}, "max_concurrency must be at least 1"),
        (NEW | {"keep_rows_seconds": -1}, "keep_rows_seconds must be at least 0"),
        (NEW | {"max_concurrency": 1.5}, "max_concurrency must be a whole number"),
        (NEW | {"colour": "red"}, "unknown field 'colour'"),
        (NEW | {"name": 1, "colour": "red"}, "unknown field 'colour'; known fields: "),
    ],
)
def test_a_trigger_that_cannot_work_is_refused_in_a_sentence(
    api: Api, operator: str, body: dict[str, object], detail: str
) -> None:
    answer = api.ask("POST", "/api/triggers", operator, body=json.dumps(body), headers=JSON)

    assert (answer.status_code, answer.json["error"]) == (422, "invalid")
    assert detail in answer.json["detail"]
    assert api.changes() == []


JSON = {"Content-Type": "application/json"}


def test_every_mistake_is_named_at_once_whoever_knows_of_it(api: Api, operator: str) -> None:
    described = NEW | {"source": "nobody", "action_payload": "", "event_filter": "{"}
    wrongly_typed = NEW | {"enabled": "yes", "type": "cron", "colour": "red"}

    of_triggers, of_values = (
        api.ask("POST", "/api/triggers", operator, json=body).json["detail"]
        for body in (described, wrongly_typed)
    )

    for said in ("no source 'nobody'", "needs a payload", "the event filter is not JSON"):
        assert said in of_triggers
    for said in ("enabled must be", "type must be one of", "unknown field 'colour'"):
        assert said in of_values


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (b"[1]", 422), (b'{"a": NaN}', 400), (b"[" * 5000, 400), (b"\xff", 400)],
)
def test_what_is_no_json_object_is_refused(
    api: Api, operator: str, body: bytes, status: int
) -> None:
    answer = api.ask("POST", "/api/triggers", operator, body=body, headers=JSON)

    assert answer.status_code == status
    assert set(answer.json) == {"error", "detail"}


def test_a_body_that_is_too_large_is_refused(api: Api, operator: str) -> None:
    answer = api.ask("POST", "/api/triggers", operator, body=b" " * 1_048_577, headers=JSON)

    assert answer.status_code == 413


def test_a_name_that_is_taken_is_a_conflict(api: Api, operator: str) -> None:
    made(api, operator)
    other = made(api, operator, name="other")

    again = api.ask("POST", "/api/triggers", operator, json=NEW)
    unchanged = api.ask("PUT", f"/api/triggers/{other['id']}", operator, json={"name": "other"})

    assert (again.status_code, again.json["error"]) == (409, "conflict")
    assert unchanged.status_code == 200


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_what_a_change_leaves_out_stays_as_it_is(api: Api, operator: str, method: str) -> None:
    trigger = made(api, operator, agent="a", max_concurrency=3)

    answer = api.ask(
        method, f"/api/triggers/{trigger['id']}", operator, json={"agent": None, "name": "new"}
    )

    expected = {name: value for name, value in trigger.items() if name != "secret"}
    expected |= {"agent": None, "name": "new", "updated_at": answer.json["updated_at"]}
    assert answer.json == expected


def test_a_page_may_send_back_all_that_it_was_given(api: Api, operator: str) -> None:
    trigger = made(api, operator)
    shown = api.ask("GET", f"/api/triggers/{trigger['id']}", operator).json

    answer = api.ask("PUT", f"/api/triggers/{trigger['id']}", operator, json=shown)

    assert answer.status_code == 200
    assert {**answer.json, "updated_at": None} == {
        **{name: shown[name] for name in answer.json},
        "updated_at": None,
    }


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"name": None}, "name must be text"),
        ({"source": "nobody"}, "there is no source"),
        ({"action_type": "fly"}, "there is no action"),
        ({"action_payload": None}, "a trigger needs a payload"),
        ({"event_filter": "[]"}, "must be an object"),
        ({"retry_policy": {"x": 1}}, "the retry policy has no field 'x'"),
    ],
)
def test_a_change_that_cannot_work_is_refused_and_changes_nothing(
    api: Api, operator: str, change: dict[str, object], detail: str
) -> None:
    trigger = made(api, operator)

    answer = api.ask("PATCH", f"/api/triggers/{trigger['id']}", operator, json=change)

    assert answer.status_code == 422
    assert detail in answer.json["detail"]
    assert api.changes("trigger.update") == []


def test_a_found_rows_unknown_source_does_not_keep_it_from_being_renamed(
    api: Api, operator: str, database: Database
) -> None:
    trigger_id = factories.trigger(database, source="of old", action_type="skill")

    answer = api.ask("PATCH", f"/api/triggers/{trigger_id}", operator, json={"name": "new"})

    assert (answer.status_code, answer.json["source"]) == (200, "of old")


def test_a_masked_secret_of_an_action_sent_back_stays_what_it_is(
    api: Api, operator: str, database: Database
) -> None:
    payload = {"url": PAYLOAD, "secret": "the-real-one"}
    trigger = made(api, operator, action_payload=payload)
    shown = api.ask("GET", f"/api/triggers/{trigger['id']}", operator).json
    assert "the-real-one" not in json.dumps(trigger)
    assert MASK in shown["action_payload"]

    api.ask("PUT", f"/api/triggers/{trigger['id']}", operator, json=shown)

    with database.reading() as connection:
        stored = connection.execute(sa.select(triggers.c.action_payload)).scalar_one()
    assert json.loads(stored) == payload
    assert "the-real-one" not in str(api.changes())


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_masked_secret_is_not_sent_to_a_target_that_an_operator_names(
    api: Api, operator: str, database: Database, method: str
) -> None:
    payload = {"url": "https://a.example/in", "headers": {"Authorization": "the-real-one"}}
    trigger = made(api, operator, action_payload=payload)
    shown = json.loads(trigger["action_payload"])
    elsewhere = {"action_payload": {**shown, "url": "https://b.example/in"}}
    body = elsewhere if method == "PATCH" else NEW | elsewhere

    answer = api.ask(method, f"/api/triggers/{trigger['id']}", operator, json=body)

    assert answer.status_code == 422
    assert "give the secret anew: Authorization" in answer.json["detail"]
    with database.reading() as connection:
        stored = connection.execute(sa.select(triggers.c.action_payload)).scalar_one()
    assert json.loads(stored) == payload


def test_a_mask_is_no_secret_of_a_new_trigger(api: Api, operator: str) -> None:
    masked = {"url": "https://a.example", "headers": {"Authorization": MASK}}
    body = NEW | {"name": "copied", "action_payload": masked}

    answer = api.ask("POST", "/api/triggers", operator, json=body)

    assert answer.status_code == 422
    assert "give the secret itself, not its mask: Authorization" in answer.json["detail"]


def test_a_trigger_is_removed_with_its_executions(api: Api, admin: str, database: Database) -> None:
    trigger_id = factories.trigger(database)
    factories.execution(database, trigger_id)

    answer = api.ask("DELETE", f"/api/triggers/{trigger_id}", admin)

    assert (answer.status_code, answer.json["execution_count"]) == (200, 1)
    assert factories.executions(database) == []
    assert api.ask("GET", f"/api/triggers/{trigger_id}", admin).status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("PUT", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/test"),
        ("POST", "/regenerate-secret"),
        ("GET", "/executions"),
    ],
)
def test_a_trigger_that_there_is_not_is_not_found(
    api: Api, admin: str, method: str, path: str, database: Database
) -> None:
    factories.trigger(database, name="9", slug="9")

    answer = api.ask(method, f"/api/triggers/9{path}", admin)

    assert (answer.status_code, answer.json["error"]) == (404, "not_found")


def test_a_test_is_an_execution_that_is_due(api: Api, operator: str, database: Database) -> None:
    trigger_id = factories.trigger(database, source="github")

    answer = api.ask("POST", f"/api/triggers/{trigger_id}/test", operator, json={"data": {"a": 1}})

    (execution,) = factories.executions(database)
    assert answer.json == {"status": "started", "execution_id": execution.id}
    assert (execution.status, execution.idempotency_key) == ("pending", None)
    event = json.loads(execution.event_data)
    assert clock.moment(event.pop("timestamp")) is not None
    assert event == {
        "_test": True,
        "event_type": "test",
        "source": "github",
        "data": {"a": 1},
    }
    assert execution.received_at is not None
    assert execution.next_attempt_at is not None
    shown = api.ask("GET", f"/api/triggers/executions/{execution.id}", operator).json
    assert shown["next_attempt_at"] is None


def test_a_new_secret_leaves_the_old_one_good_for_a_while(
    api: Api, admin: str, database: Database
) -> None:
    trigger_id = factories.trigger(database)

    answer = api.ask("POST", f"/api/triggers/{trigger_id}/regenerate-secret", admin).json

    with database.reading() as connection:
        row = connection.execute(sa.select(triggers)).one()
    assert (database.secret_box.decrypt(row), row.previous_secret) == (answer["secret"], SECRET)
    assert answer["previous_secret_expires_at"] == clock.text(row.previous_secret_expires_at)
    assert answer["secret"] not in str(api.changes())


ROTATE = "regenerate-secret"


@pytest.mark.parametrize(("method", "path"), [("POST", f"/{ROTATE}"), ("PATCH", ""), ("PUT", "")])
def test_a_secret_of_the_sender_is_stored_with_an_overlap_and_never_shown(
    api: Api, admin: str, database: Database, method: str, path: str
) -> None:
    trigger_id = factories.trigger(database, source="stripe")
    given = {"secret": "whsec_of_stripe_itself"}

    answers = [
        api.ask(method, f"/api/triggers/{trigger_id}{path}", admin, json=given) for _ in range(2)
    ]

    with database.reading() as connection:
        row = connection.execute(sa.select(triggers)).one()
    assert database.secret_box.decrypt(row) == given["secret"]
    assert row.previous_secret == SECRET  # also after the second of two equal requests
    assert row.previous_secret_expires_at > clock.now()
    assert [answer.status_code for answer in answers] == [200, 200]
    assert len(api.changes("trigger.rotate_secret")) == 2
    assert given["secret"] not in str([answer.text for answer in answers])
    assert given["secret"] not in str(api.changes())


def test_a_change_without_a_secret_leaves_it(api: Api, admin: str, database: Database) -> None:
    trigger_id = factories.trigger(database)

    for body in ({"name": "x"}, {"secret": None}):
        assert api.ask("PATCH", f"/api/triggers/{trigger_id}", admin, json=body).status_code == 200

    with database.reading() as connection:
        row = connection.execute(sa.select(triggers)).one()
    assert (database.secret_box.decrypt(row), row.previous_secret) == (SECRET, None)


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_an_operator_changes_no_secret(
    api: Api, operator: str, database: Database, method: str
) -> None:
    trigger_id = factories.trigger(database)
    body = {"name": "new", "secret": "mine"}

    answer = api.ask(method, f"/api/triggers/{trigger_id}", operator, json=body)

    assert answer.status_code == 403
    assert api.changes() == []


@pytest.mark.parametrize("method", ["PATCH", "POST"])
@pytest.mark.parametrize("secret", ["", "x" * 256, "no hex", 1])
def test_a_secret_that_cannot_be_the_senders_is_refused(
    api: Api, admin: str, database: Database, method: str, secret: object
) -> None:
    trigger_id = factories.trigger(database, source="discord")
    path = f"/{ROTATE}" if method == "POST" else ""

    answer = api.ask(method, f"/api/triggers/{trigger_id}{path}", admin, json={"secret": secret})

    assert answer.status_code == 422
    assert api.changes() == []


CHANGES = [
    ("trigger.add", "POST", "/api/triggers", NEW),
    ("trigger.update", "PUT", "/api/triggers/1", {"enabled": False}),
    ("trigger.update", "PATCH", "/api/triggers/1", {"name": "new"}),
    ("trigger.remove", "DELETE", "/api/triggers/1", None),
    ("trigger.test", "POST", "/api/triggers/1/test", None),
    ("trigger.rotate_secret", "POST", "/api/triggers/1/regenerate-secret", None),
    ("execution.replay", "POST", "/api/triggers/executions/1/replay", None),
    ("execution.replay", "POST", "/api/dead/replay", None),
    ("token.add", "POST", "/api/tokens", {"name": "x", "role": "viewer"}),
    ("token.revoke", "DELETE", "/api/tokens/1", None),
]


@pytest.mark.parametrize(("action", "method", "path", "body"), CHANGES)
def test_every_change_is_on_record_with_who_and_from_where(
    api: Api, admin: str, database: Database, action: str, method: str, path: str, body: Any
) -> None:
    factories.execution(database, factories.trigger(database), "failed")

    answer = api.ask(method, path, admin, json=body, remote_addr="192.0.2.9")

    assert answer.status_code in (200, 201), answer.text
    (change,) = api.changes()
    assert (change.action, change.actor, change.origin) == (action, "a admin", "192.0.2.9")
    assert SECRET not in str(change)


def everything(database: Database) -> str:
    """Return every row that a change could affect, without the tokens' time of last use."""
    tables = ("triggers", "trigger_executions", "hookonce_tokens", "hookonce_sessions")
    with database.reading() as connection:
        rows = [connection.execute(sa.text(f"SELECT * FROM {t} ORDER BY 1")).all() for t in tables]
        used = connection.execute(sa.text("SELECT last_used_at FROM hookonce_tokens")).scalars()
        return str(rows).replace(repr(next(used, None)), "")


@pytest.mark.parametrize(("action", "method", "path", "body"), CHANGES)
def test_a_change_that_cannot_be_put_on_record_is_not_made(
    api: Api, admin: str, database: Database, action: str, method: str, path: str, body: Any
) -> None:
    factories.execution(database, factories.trigger(database), "failed")
    api.ask("GET", "/api/session", admin)
    before = everything(database)
    with database.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE hookonce_audit RENAME COLUMN subject TO elsewhere")

    answer = api.ask(method, path, admin, json=body)

    assert answer.status_code == 503, action
    assert everything(database) == before


def test_a_record_says_what_was_before_and_what_is_after(
    api: Api, operator: str, admin: str
) -> None:
    trigger = made(api, operator)
    api.ask("PATCH", f"/api/triggers/{trigger['id']}", operator, json={"enabled": False})

    changes = api.ask("GET", "/api/audit", admin, params={"action": "trigger.update"}).json

    (change,) = changes["changes"]
    assert change["subject"] == f"trigger:{trigger['id']}"
    assert change["before"]["enabled"] is True
    assert change["after"]["enabled"] is False
    assert change["before"].keys() == {"enabled", "updated_at"}
    assert (changes["total"], changes["next"]) == (1, None)


def test_an_execution_has_a_member_for_each_column() -> None:
    from app.db.models import trigger_executions

    columns = set(trigger_executions.c.keys())
    assert Execution.__annotations__.keys() == columns | {"waiting_because"}


@pytest.mark.parametrize("body", [b" ", b"\n", b"\t \r\n"])
def test_a_body_of_white_space_is_not_taken_for_none(api: Api, operator: str, body: bytes) -> None:
    """Without a body all dead letters would be replayed."""
    answer = api.ask("POST", "/api/dead/replay", operator, body=body, headers=JSON)

    assert answer.status_code == 400

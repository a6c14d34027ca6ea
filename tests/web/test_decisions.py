"""The API, the pages and the command decide about executions and deliveries in the same way."""

import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from falcon import testing

from app.cli import main
from app.db import Database
from app.db.models import trigger_executions
from app.settings import Settings
from tests.support import factories
from tests.support.api import Api
from tests.support.journal_service import JournalService
from tests.support.samples import json_request
from tests.support.visitor import Visitor, hidden

ONE = "/api/triggers/executions"


@pytest.fixture
def service(settings: Settings, database: Database) -> JournalService:
    return JournalService(settings, database)


@pytest.fixture
def client(service: JournalService) -> testing.TestClient:
    return service.client


def execution(api: Api, status: str, **given: Any) -> int:
    made = factories.execution(api.database, factories.trigger(api.database), status, **given)
    factories.request_of(api.database, made, b'{"a": 1}', "application/json")
    return made


def decide(api: Api, token: str, execution_id: int, decision: str, **body: Any) -> testing.Result:
    return api.ask("POST", f"{ONE}/{execution_id}/{decision}", token, json=body)


def test_the_api_runs_again_with_a_changed_payload_and_shows_both(api: Api, operator: str) -> None:
    old = execution(api, "completed")

    answer = decide(api, operator, old, "run-again", key="own", payload='{"a": 2}')
    new = answer.json["new_execution_id"]
    shown = api.ask("GET", f"{ONE}/{new}", operator).json
    before = api.ask("GET", f"{ONE}/{old}", operator).json
    rows = api.ask("GET", ONE, operator).json["executions"]
    again = decide(api, operator, old, "run-again")

    assert (shown["event_data"]["data"], shown["original_payload"]) == ({"a": 2}, '{"a": 1}')
    assert (shown["origin"]["kind"], shown["origin"]["edited"]) == ("run_again", True)
    assert (before["made_from"], before["status"]) == ([new], "completed")
    assert [(row["id"], row["edited"]) for row in rows] == [(new, True), (old, False)]
    assert (again.status_code, again.json["error"]) == (429, "rate_limited")
    assert decide(api, operator, 4711, "run-again").status_code == 404
    assert decide(api, operator, new, "run-again").json["current_status"] == "pending"
    for body in ({"payload": '{"a": '}, {"key": "other"}, {"payload": ""}):
        assert decide(api, operator, old, "run-again", **body).status_code == 422


def test_a_dead_letter_is_changed_and_replayed_on_its_page(api: Api, operator: str) -> None:
    dead = execution(api, "failed", error="no")
    visitor = Visitor(api.client)
    visitor.log_in(operator)
    page = f"/executions/{dead}/edit"

    form = visitor.get(page).text
    unchanged = visitor.post(page, hidden(form) | {"payload": '{"a": 1}'})
    broken = visitor.post(page, hidden(form) | {"payload": '{"a": '})
    done = visitor.post(page, hidden(form) | {"payload": '{"a": 3}'})

    assert "{&#34;a&#34;: 1}</textarea>" in form
    assert (unchanged.status_code, broken.status_code, done.status_code) == (422, 422, 303)
    assert "{&#34;a&#34;: </textarea>" in broken.text
    shown = visitor.get(done.headers["Location"]).text
    assert "Edited payload." in shown
    assert "Payload before it was edited" in shown


def test_waiting_executions_are_cancelled_and_retried_by_api_and_page(
    api: Api, operator: str
) -> None:
    one, two = execution(api, "retrying"), execution(api, "pending", next_attempt_at=None)
    visitor = Visitor(api.client)
    visitor.log_in(operator)

    assert decide(api, operator, two, "retry-now").json == {"status": "ok"}
    assert visitor.post(f"/executions/{one}/retry-now").status_code == 303
    assert "Cancel execution" in visitor.get(f"/executions/{one}/cancel").text
    assert visitor.post(f"/executions/{one}/cancel").status_code == 303
    assert decide(api, operator, two, "cancel").json == {"status": "ok"}
    late = decide(api, operator, two, "cancel")
    refused = visitor.post(f"/executions/{one}/retry-now")

    assert (late.status_code, late.json["error"], late.json["current_status"]) == (
        409,
        "not_possible",
        "failed",
    )
    assert (refused.status_code, "cannot be retried now" in refused.text) == (409, True)
    assert [each.action for each in api.changes()][-4:] == [
        *("execution.retry_now", "execution.retry_now"),
        *("execution.cancel", "execution.cancel"),
    ]


def test_a_forgotten_key_is_shown_and_the_next_event_admitted(
    service: JournalService, api: Api, operator: str
) -> None:
    trigger_id = factories.trigger(api.database)
    event = json_request("custom", {"messageId": "m-1"})
    service.post(trigger_id, event)
    (first,) = factories.executions(api.database)
    unfinished = decide(api, operator, first.id, "forget-key")
    with api.database.writing() as connection:
        ended = {"status": "completed", "completed_at": factories.LONG_AGO}
        connection.execute(sa.update(trigger_executions).values(ended))

    answer = decide(api, operator, first.id, "forget-key")
    service.post(trigger_id, event)

    assert unfinished.status_code == 409
    assert answer.json == {"status": "ok", "idempotency_key": "m-1"}
    shown = api.ask("GET", f"{ONE}/{first.id}", operator).json
    assert shown["forgotten_key"]["idempotency_key"] == "m-1"
    assert len(factories.executions(api.database)) == 2


@pytest.mark.parametrize("number", [1, 2])
def test_a_duplicate_and_a_mismatch_run_once_as_their_own_executions(
    service: JournalService, api: Api, operator: str, number: int
) -> None:
    trigger_id = factories.trigger(api.database)
    for value in (1, number):
        service.post(trigger_id, json_request("custom", {"messageId": "m", "n": value}))
    delivery = api.ask("GET", "/api/deliveries", operator).json["deliveries"][0]
    path = f"/api/deliveries/{delivery['id']}/run"

    new = api.ask("POST", path, operator).json["new_execution_id"]
    again = api.ask("POST", path, operator)
    service.post(trigger_id, json_request("custom", {"messageId": "m", "n": number}))

    first, own = factories.executions(api.database)
    assert (own.id, own.idempotency_key, own.replay_of_id) == (new, None, None)
    assert json.loads(own.event_data)["data"]["n"] == number
    origin = api.ask("GET", f"{ONE}/{new}", operator).json["origin"]
    assert (origin["of_execution_id"], origin["delivery_id"]) == (first.id, delivery["id"])
    assert (again.status_code, again.json["error"]) == (409, "not_acceptable")


def test_the_commands_decide_too(
    api: Api, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    done, waiting = execution(api, "completed", idempotency_key="k"), execution(api, "pending")
    monkeypatch.setenv("DATABASE_URL", settings.database_url)
    changed = tmp_path / "payload.json"
    changed.write_text('{"a": 9}')

    def run(*words: str) -> Any:
        return CliRunner().invoke(main, list(words))

    key = run("execution", "forget-key", str(done), "--yes", "--json")
    again = run("execution", "run-again", str(done), "--payload", str(changed), "--yes", "--json")
    now = run("execution", "retry-now", str(waiting))
    cancelled = run("execution", "cancel", str(waiting), "--yes")
    late = run("execution", "cancel", str(waiting), "--yes")

    assert json.loads(key.stdout)["idempotency_key"] == "k"
    new = json.loads(again.stdout)["new_execution_id"]
    assert "is due now" in now.stdout
    assert "is cancelled" in cancelled.stdout
    assert (late.exit_code, "cannot be cancelled" in late.output) == (1, True)
    newest = {each.id: each for each in factories.executions(api.database)}[new]
    assert '"a":9' in newest.event_data

"""The API and the pages pause, resume, probe and close, and say why an execution waits."""

import pytest
import sqlalchemy as sa
from falcon import testing

from app.db import Database, utc_now
from app.db.models import trigger_breakers
from tests.support import factories
from tests.support.api import Api
from tests.support.visitor import Visitor


@pytest.fixture
def trigger_id(database: Database) -> int:
    made = factories.trigger(database)
    factories.execution(database, made)
    return made


@pytest.fixture
def worker(database: Database) -> None:
    factories.worker(database)


def open_breaker(database: Database, trigger_id: int) -> None:
    values = {"trigger_id": trigger_id, "failure_count": 9, "opened_at": utc_now(-60)}
    with database.writing() as connection:
        connection.execute(sa.insert(trigger_breakers).values(values | {"probe_at": utc_now(60)}))


def waiting_because(api: Api, token: str, trigger_id: int) -> str:
    """Return the code of the trigger's only execution, the same from every list."""
    (row,) = api.ask("GET", f"/api/triggers/{trigger_id}/executions", token).json["executions"]
    (summary,) = api.ask("GET", "/api/triggers/executions", token).json["executions"]
    detail = api.ask("GET", f"/api/triggers/executions/{row['id']}", token).json
    (shown,) = api.ask("GET", f"/api/triggers/{trigger_id}", token).json["executions"]
    codes = {each["waiting_because"]["code"] for each in (row, summary, detail, shown)}
    assert len(codes) == 1
    return str(codes.pop())


@pytest.mark.usefixtures("worker")
def test_a_trigger_is_paused_and_resumed(api: Api, operator: str, trigger_id: int) -> None:
    path = f"/api/triggers/{trigger_id}"
    assert waiting_because(api, operator, trigger_id) == "due"

    paused = api.ask("POST", f"{path}/pause", operator).json
    assert (paused["paused"]["by"], paused["waiting"]) == ("a operator", 1)
    assert waiting_because(api, operator, trigger_id) == "paused"
    (listed,) = api.ask("GET", "/api/triggers", operator).json["triggers"]
    assert (listed["paused"], listed["waiting"]) == (paused["paused"], 1)

    refused = api.ask("POST", f"{path}/resume", operator, json={"per_second": -1})
    assert refused.status_code == 422
    resumed = api.ask("POST", f"{path}/resume", operator, json={"per_second": 5}).json
    assert (resumed["paused"], resumed["resuming"]["per_second"]) == (None, 5)
    assert waiting_because(api, operator, trigger_id) == "resuming"
    done = [row.action for row in api.changes()]
    assert done == ["trigger.pause", "trigger.resume"]


def test_all_are_paused_and_resumed(api: Api, operator: str, trigger_id: int) -> None:
    paused = api.ask("POST", "/api/pause", operator).json
    assert (paused["paused"]["by"], paused["waiting"]) == ("a operator", 1)
    assert api.ask("GET", "/api/pause", operator).json == paused
    assert waiting_because(api, operator, trigger_id) == "all_paused"

    assert api.ask("POST", "/api/resume", operator, json={}).json["paused"] is None
    assert [row.action for row in api.changes()] == ["triggers.pause", "triggers.resume"]


@pytest.mark.parametrize("of_all", [False, True])
def test_a_pause_says_its_reason(api: Api, operator: str, trigger_id: int, of_all: bool) -> None:
    path = "/api/pause" if of_all else f"/api/triggers/{trigger_id}/pause"

    paused = api.ask("POST", path, operator, json={"reason": "the target moves"}).json

    assert paused["paused"]["reason"] == "the target moves"
    (row,) = api.ask("GET", "/api/triggers/executions", operator).json["executions"]
    assert row["waiting_because"]["detail"].endswith(": the target moves")
    (change,) = api.changes()
    assert change.after == '{"reason": "the target moves"}'
    for reason in ("a\nb", "a\u202eb", "x" * 201, 7):
        assert api.ask("POST", path, operator, json={"reason": reason}).status_code == 422
    assert api.ask("POST", path, operator).json["paused"] == paused["paused"]


@pytest.mark.usefixtures("worker")
def test_a_breaker_is_shown_probed_and_closed(
    api: Api, operator: str, database: Database, trigger_id: int
) -> None:
    path = f"/api/triggers/{trigger_id}"
    assert api.ask("POST", f"{path}/breaker/probe", operator).status_code == 404
    open_breaker(database, trigger_id)

    shown = api.ask("GET", path, operator).json
    assert (shown["breaker"]["failure_count"], shown["waiting"]) == (9, 1)
    assert waiting_because(api, operator, trigger_id) == "breaker_open"

    probed = api.ask("POST", f"{path}/breaker/probe", operator).json
    assert probed["breaker"]["next_probe_at"] < shown["breaker"]["next_probe_at"]
    assert api.ask("POST", f"{path}/breaker/close", operator).json["breaker"] is None
    assert api.ask("POST", f"{path}/breaker/close", operator).status_code == 404
    assert [row.action for row in api.changes()] == ["breaker.probe", "breaker.close"]


@pytest.mark.usefixtures("worker")
def test_the_workers_are_listed(api: Api, viewer: str) -> None:
    answer = api.ask("GET", "/api/workers", viewer).json

    assert (answer["count"], answer["slots"], answer["busy"]) == (1, 4, 1)
    assert answer["workers"][0]["alive"] is True


def test_the_pages_show_and_change_the_same(
    client: testing.TestClient, operator: str, database: Database, trigger_id: int
) -> None:
    ada = Visitor(client)
    ada.log_in(operator)
    open_breaker(database, trigger_id)
    page = f"/triggers/{trigger_id}"
    (execution,) = factories.executions(database)

    assert "No worker is alive" in ada.get("/").text
    assert 'data-code="no_worker"' in ada.get(f"/executions/{execution.id}").text
    assert "Circuit breaker open" in ada.get(page).text
    assert "breaker open" in ada.get("/triggers").text
    assert ada.post(f"{page}/breaker", {"change": "probe"}).status_code == 303
    assert ada.post(f"{page}/breaker", {"change": "close"}).status_code == 303
    assert "Circuit breaker open" not in ada.get(page).text

    assert 'name="reason"' in ada.get(f"{page}/pause").text
    assert ada.post(f"{page}/pause", {"reason": "x" * 201}).status_code == 422
    assert ada.post(f"{page}/pause", {"reason": "it <moves>"}).status_code == 303
    for path in (page, "/triggers", f"{page}/resume", f"/executions/{execution.id}"):
        assert "it &lt;moves&gt;" in ada.get(path).text
    assert 'value="it &lt;moves&gt;"' in ada.get(f"{page}/pause").text
    assert "Events are accepted and wait: 1" in ada.get(page).text
    assert "<strong>1 execution</strong> waits" in ada.get(f"{page}/resume").text
    for text in ("a", "nan", "1e999"):
        refused = ada.post(f"{page}/resume", {"per_second": text})
        assert (refused.status_code, "must be a number" in refused.text) == (422, True)
    assert ada.post(f"{page}/resume", {"per_second": "2.5"}).status_code == 303
    assert "2.5 of the waiting executions begin each second" in ada.get(page).text

    assert ada.post("/pause", {"change": "pause", "reason": "we <move>"}).status_code == 303
    assert "we &lt;move&gt;" in ada.get("/").text
    assert "we &lt;move&gt;" in ada.get("/pause").text
    assert "All triggers are paused" in ada.get("/").text
    assert ada.post("/pause", {"change": "resume"}).status_code == 303
    assert "All triggers are paused" not in ada.get("/").text
    assert "No worker is alive" in ada.get("/workers").text

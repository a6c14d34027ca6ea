"""The journal of deliveries in the API, on the pages and in the terminal."""

import json
import logging
from typing import Any

import pytest
from click.testing import CliRunner
from falcon import testing

from app.cli import main
from app.db import Database
from app.settings import Settings
from app.stats import journal
from app.web.api.schemas.deliveries import Outcome
from tests.support import factories
from tests.support.api import Api
from tests.support.journal_service import JournalService
from tests.support.samples import SECRET, Sent, json_request
from tests.support.visitor import Visitor

GITHUB = {"action": "opened", "number": 1}


@pytest.fixture
def service(settings: Settings, database: Database) -> JournalService:
    return JournalService(settings, database)


@pytest.fixture
def client(service: JournalService) -> testing.TestClient:
    return service.client


def github(payload: object, delivery: str = "d-1") -> Sent:
    sent = json_request("github", payload)
    own = {"X-GitHub-Delivery": delivery, "X-GitHub-Event": "pull"}
    return Sent({**sent.headers, **own}, sent.body)


def listed(api: Api, token: str, query: str = "") -> list[dict[str, Any]]:
    answer = api.ask("GET", f"/api/deliveries{query}", token)
    assert answer.status_code == 200, answer.text
    return list(answer.json["deliveries"])


def test_the_api_lists_and_shows_what_became_no_execution(
    service: JournalService, api: Api, viewer: str
) -> None:
    trigger_id = factories.trigger(api.database, source="github", idempotency_key_from="provider")
    other = factories.trigger(api.database, source="github")
    accepted = github(GITHUB)
    assert service.post(trigger_id, accepted) == 200
    assert service.post(trigger_id, accepted) == 200
    assert service.post(trigger_id, github({**GITHUB, "number": 2, "new": [1]})) == 200
    forged = Sent(accepted.headers, accepted.body + b"\n")
    assert service.post(trigger_id, forged, **{"X-Request-Id": "request-7"}) == 401
    assert service.post(other, Sent({"Content-Type": "application/json"}, b"{}")) == 401

    every = listed(api, viewer)
    assert [each["outcome"] for each in every] == [
        "refused_missing_signature",
        "refused_bad_signature",
        "mismatch",
        "duplicate",
    ]
    refused, mismatch = every[1], every[2]
    assert [each["code"] for each in refused["diagnosis"]] == ["newline_removed"]
    assert mismatch["execution_id"] == every[3]["execution_id"] is not None
    for query, expected in (
        (f"?trigger_id={other}", every[:1]),
        ("?outcome=refused", every[:2]),
        ("?outcome=mismatch", [mismatch]),
        (f"?execution_id={mismatch['execution_id']}", every[2:]),
        (f"?key={mismatch['idempotency_key']}", every[2:]),
        (f"?request_id={refused['request_id']}", [refused]),
        ("?since=2100-01-01", []),
        ("?until=2100-01-01", every),
        (f"?before_id={refused['id']}", every[2:]),
    ):
        assert listed(api, viewer, query) == expected, query
    shown = api.ask("GET", f"/api/deliveries/{mismatch['id']}", viewer).json
    assert {(each["path"], each["change"]) for each in shown["differences"]} == {
        ("$.data.number", "changed"),
        ("$.data.new", "added"),
    }
    detail = api.ask("GET", f"/api/deliveries/{refused['id']}", viewer).json
    assert detail["body"] == forged.body.decode()
    assert "x-hub-signature-256" not in detail["headers"]
    assert api.ask("GET", "/api/deliveries/9223372036854775807", viewer).status_code == 404
    assert api.ask("GET", "/api/deliveries?outcome=nothing", viewer).status_code == 422


def test_the_page_answers_why_an_event_has_not_run(
    service: JournalService, api: Api, viewer: str
) -> None:
    trigger_id = factories.trigger(api.database, name="orders", event_filter='{"event": "paid"}')
    service.post(trigger_id, json_request("custom", {"event": "refunded", "messageId": "m-1"}))
    sent = json_request("custom", {"event": "paid"})
    service.post(trigger_id, Sent({"Authorization": f"Bearer {SECRET}"}, sent.body))
    visitor = Visitor(api.client)
    visitor.log_in(viewer)

    page = visitor.get("/deliveries").text
    refused, filtered = listed(api, viewer)
    shown = visitor.get(f"/deliveries/{refused['id']}").text
    body = visitor.get(f"/deliveries/{filtered['id']}/body")

    assert "filtered" in page
    assert "the secret itself came in the header authorization" in page
    assert "Why the signature was refused" in shown
    assert SECRET not in shown + page
    assert json.loads(body.content) == {"event": "refunded", "messageId": "m-1"}
    assert body.headers["Content-Disposition"].startswith("attachment")


def test_a_body_that_was_not_read_is_noted_without_it(
    service: JournalService, api: Api, viewer: str
) -> None:
    trigger_id = factories.trigger(api.database)
    large = json_request("custom", {"text": "x" * 1_100_000})
    small = json_request("custom", {"a": 1})

    assert service.post(trigger_id, large) == 413
    assert service.post(trigger_id, small, **{"Content-Encoding": "gzip"}) == 415
    assert service.post(4711, large) == 413

    packed, too_large = listed(api, viewer)
    assert (too_large["outcome"], too_large["size"]) == ("refused_too_large", len(large.body))
    assert (packed["outcome"], packed["body_kept"]) == ("refused_malformed", "none")
    assert "uncompressed" in packed["detail"]


def test_the_command_lists_and_shows(
    service: JournalService, api: Api, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    trigger_id = factories.trigger(api.database, slug="orders")
    service.post(trigger_id, Sent({"Content-Type": "application/json"}, b'{"a": "\x1b[31m"}'))
    monkeypatch.setenv("DATABASE_URL", settings.database_url)
    level = logging.getLogger().level

    table = CliRunner().invoke(main, ["delivery", "list", "--trigger", "orders"])
    rows = CliRunner().invoke(main, ["delivery", "list", "--outcome", "refused", "--json"])
    (row,) = json.loads(rows.stdout)["rows"]
    shown = CliRunner().invoke(main, ["delivery", "show", str(row["id"])])
    missing = CliRunner().invoke(main, ["delivery", "show", "4711"])
    logging.getLogger().setLevel(level)

    assert "the signature is missing" in table.stdout
    assert "the signature is missing" in shown.stdout
    assert "\x1b" not in shown.stdout
    assert (missing.exit_code, "no delivery 4711" in missing.output) == (1, True)


def test_the_command_shows_what_differs_in_a_mismatch(
    service: JournalService,
    api: Api,
    viewer: str,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trigger_id = factories.trigger(api.database, slug="orders", idempotency_key_from="body:id")
    for payload in ({"id": "o-1", "n": 1, "was": "x"}, {"id": "o-1", "n": 2, "new": "\x1b[31m"}):
        service.post(trigger_id, json_request("custom", payload))
    (row,) = listed(api, viewer)
    monkeypatch.setenv("DATABASE_URL", settings.database_url)
    level = logging.getLogger().level

    shown = CliRunner().invoke(main, ["delivery", "show", str(row["id"])])
    as_json = CliRunner().invoke(main, ["delivery", "show", str(row["id"]), "--json"])
    logging.getLogger().setLevel(level)

    changes = [each["change"] for each in json.loads(as_json.stdout)["differences"]]
    assert changes == ["changed", "removed", "added"]
    assert shown.stdout.splitlines()[-3:] == [
        "differences            $.data.n: 1 -> 2",
        '                       $.data.was: "x" -> absent',
        '                       $.data.new: absent -> "\\u001b[31m"',
    ]


def test_the_filter_knows_every_outcome_of_the_journal() -> None:
    assert set(journal.OUTCOMES) == set(Outcome.__args__)

"""Every refused request gets the same response, so that trigger ids cannot be enumerated."""

import logging
from dataclasses import replace
from urllib.parse import quote

import pytest
from falcon import testing

from app import log
from app.db import Database
from app.settings import Settings
from app.web.application import create_app
from tests.support import factories, samples
from tests.support.in_process_sender import message, post, signed
from tests.support.samples import SECRET, Sent

REASONS = {
    "unknown_trigger": {},
    "disabled_trigger": {"enabled": False},
    "no_secret": {"secret": None},
    "bad_signature": {"secret": "another"},
}


def refused(client: testing.TestClient, database: Database, reason: str) -> testing.Result:
    trigger_id = 4711
    if reason != "unknown_trigger":
        trigger_id = factories.trigger(database, **REASONS[reason])
    return post(client, trigger_id, message())


def lines(caplog: pytest.LogCaptureFixture) -> str:
    """Return the log lines as they would be written."""
    return "\n".join(log.KeyValueFormatter().format(record) for record in caplog.records)


@pytest.fixture
def uniform(settings: Settings, database: Database) -> testing.TestClient:
    return testing.TestClient(create_app(replace(settings, hookonce_refusal_status=200), database))


def test_every_refusal_is_the_same_answer(client: testing.TestClient, database: Database) -> None:
    answers = [refused(client, database, reason) for reason in REASONS]

    assert {(each.status, each.content, str(each.headers)) for each in answers} == {
        ("401 Unauthorized", b'{"error": "unauthorized"}', str(answers[0].headers))
    }


def test_every_refusal_can_be_the_older_systems_answer(
    uniform: testing.TestClient, database: Database
) -> None:
    answers = [refused(uniform, database, reason) for reason in REASONS]
    answers.append(post(uniform, factories.trigger(database), message()))

    assert {(each.status, each.content, str(each.headers)) for each in answers} == {
        ("200 OK", b'{"status": "ok"}', str(answers[0].headers))
    }


@pytest.mark.parametrize("reason", REASONS)
def test_a_refused_request_stores_nothing_and_its_reason_is_logged(
    client: testing.TestClient,
    database: Database,
    reason: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    refused(client, database, reason)

    assert f"evt=refused reason={reason} trigger_id=" in lines(caplog)
    assert factories.executions(database) == []


@pytest.mark.parametrize("given", [{}, {"enabled": False}, {"secret": None}], ids=str)
def test_discord_always_hears_401_to_a_bad_signature(
    uniform: testing.TestClient, database: Database, given: dict[str, object]
) -> None:
    values = {"secret": samples.trigger_secret("discord")} | given
    trigger_id = factories.trigger(database, source="discord", **values)
    forged = replace(signed("discord", Sent({}, b'{"type": 1}')), body=b'{"type":1}')

    assert post(uniform, trigger_id, forged).status_code == 401


@pytest.mark.parametrize(
    "trigger_id", ["0", "x", "99999999999", "-1", "%00", "%ff", "1%0Aevt=admitted", "١"], ids=ascii
)
def test_an_id_that_is_none_is_refused_like_any_other(
    client: testing.TestClient, trigger_id: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = post(client, trigger_id, message())

    assert (answer.status_code, answer.content) == (401, b'{"error": "unauthorized"}')
    assert lines(caplog).count("evt=") == 1


@pytest.mark.parametrize("source", ["evolution", "evolution_go", "custom"])
@pytest.mark.parametrize("exists", [True, False], ids=["known", "unknown"])
@pytest.mark.parametrize("body", [b"{}", b"{", b"[1e400]"], ids=ascii)
def test_a_secret_in_the_path_is_in_no_line_of_the_log(
    client: testing.TestClient,
    database: Database,
    caplog: pytest.LogCaptureFixture,
    source: str,
    exists: bool,
    body: bytes,
) -> None:
    caplog.set_level(logging.DEBUG)
    trigger_id = factories.trigger(database, source=source) if exists else 4711
    sent = Sent({"Content-Type": "application/json"}, body, path_secret=SECRET)

    post(client, trigger_id, sent)

    assert caplog.records
    assert SECRET not in lines(caplog)


@pytest.mark.parametrize(("secret", "status"), [(SECRET, 200), (SECRET + "x", 401), ("x", 401)])
def test_the_secret_in_the_path_proves_a_sender_that_signs_nothing(
    client: testing.TestClient, database: Database, secret: str, status: int
) -> None:
    trigger_id = factories.trigger(database, source="evolution")
    sent = replace(samples.sample("evolution", "messages_upsert"), path_secret=secret)

    assert post(client, trigger_id, sent).status_code == status


@pytest.mark.parametrize("secret", ["a/b", "/a", "a/", "a//b", "a%b", "a b?c#d", "ä🔑/é", "../x"])
@pytest.mark.parametrize("safe", ["", "/"], ids=["escaped", "as they are"])
def test_a_secret_in_the_path_may_hold_any_sign(
    client: testing.TestClient, database: Database, secret: str, safe: str
) -> None:
    trigger_id = factories.trigger(database, source="evolution", secret=secret)
    sample = samples.sample("evolution", "messages_upsert")

    right = post(client, trigger_id, replace(sample, path_secret=quote(secret, safe)))
    wrong = post(client, trigger_id, replace(sample, path_secret=quote(f"{secret}/x/y", safe)))

    assert (right.status_code, wrong.status_code) == (200, 401)


@pytest.mark.parametrize("rest", ["/", "/a/b", "/a/b/"])
def test_what_follows_the_id_of_a_sender_that_signs_is_ignored(
    client: testing.TestClient, database: Database, rest: str
) -> None:
    trigger_id = factories.trigger(database)
    sent = message()

    answer = client.simulate_post(
        f"/api/triggers/webhook/{trigger_id}{rest}", headers=sent.headers, body=sent.body
    )

    assert answer.status_code == 200

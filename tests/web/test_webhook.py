"""The webhook endpoint: 200 once the event is stored, otherwise the reason."""

from dataclasses import replace

import pytest
import sqlalchemy as sa
from falcon import testing

from app.db import Database
from app.db.models import triggers
from app.settings import Settings
from app.triggers import switching
from app.web.application import create_app
from tests.support import expectations, factories, samples
from tests.support.in_process_sender import message, post, signed, signed_sample
from tests.support.samples import Sent

OK = {"status": "ok"}
ADMITTED = [name for name in samples.names() if name[1] != "ping"]


def event_count(database: Database) -> int:
    return len(factories.executions(database))


@pytest.mark.parametrize(("source", "case"), ADMITTED)
def test_every_sample_is_answered_as_its_sender_expects_and_stored(
    client: testing.TestClient, database: Database, source: str, case: str
) -> None:
    secret = samples.trigger_secret(source)
    trigger_id = factories.trigger(database, source=source, secret=secret)

    answer = post(client, trigger_id, signed_sample(source, case))

    is_json = answer.headers["Content-Type"].startswith("application/json")
    assert answer.status_code == 200
    assert (answer.json if is_json else answer.text) == expectations.answer(source, case)
    assert event_count(database) == expectations.event_count(source, case)


def test_new_and_duplicate_are_answered_alike(
    client: testing.TestClient, database: Database
) -> None:
    trigger_id = factories.trigger(database)

    new, duplicate = (post(client, trigger_id, message()) for _ in range(2))

    assert (new.status, new.content) == (duplicate.status, duplicate.content)
    assert dict(new.headers) == dict(duplicate.headers)
    assert event_count(database) == 1


@pytest.mark.parametrize("setting", [True, False], ids=["pre-check", "index alone"])
def test_the_pre_check_can_be_switched_off(
    settings: Settings, database: Database, setting: bool
) -> None:
    client = testing.TestClient(create_app(replace(settings, hookonce_pre_check=setting), database))
    trigger_id = factories.trigger(database)

    answers = [post(client, trigger_id, message()).status_code for _ in range(2)]

    assert answers == [200, 200]
    assert event_count(database) == 1


@pytest.mark.parametrize(
    ("source", "answer"), [("discord", {"type": 1}), ("github", {"status": "ok"})]
)
def test_a_ping_is_answered_and_nothing_is_stored(
    client: testing.TestClient, database: Database, source: str, answer: object
) -> None:
    trigger_id = factories.trigger(database, source=source, secret=samples.trigger_secret(source))

    result = post(client, trigger_id, signed_sample(source, "ping"))

    assert (result.status_code, result.json) == (200, answer)
    assert event_count(database) == 0


def test_an_unwanted_event_is_answered_ok_and_not_stored(
    client: testing.TestClient, database: Database
) -> None:
    trigger_id = factories.trigger(
        database, source="github", event_filter='{"event_type": "release"}'
    )

    answer = post(client, trigger_id, signed_sample("github", "push"))

    assert (answer.status_code, answer.json) == (200, OK)
    assert event_count(database) == 0


@pytest.mark.parametrize(
    "body",
    [b"{", b'{"a": NaN}', b"[1e400]", b"[" * 500_000, b"1" * 4301, b'{"a": "\xff"}'],
    ids=lambda body: repr(body[:8]),
)
def test_malformed_json_is_refused_with_a_sentence(
    client: testing.TestClient, database: Database, body: bytes
) -> None:
    trigger_id = factories.trigger(database)

    answer = post(
        client, trigger_id, signed("custom", Sent({"Content-Type": "application/json"}, body))
    )

    assert (answer.status_code, answer.json["error"]) == (400, "malformed")
    assert event_count(database) == 0


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/x-www-form-urlencoded", b"messageId=1&a=b"),
        ("text/plain", b"hello"),
        ("image/png", b"\x89PNG\x00\xff"),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\na\r\n--x--\r\n"),
        ("nonsense/;;;", b"{}"),
        ("application/json; charset=klingon", b"{}"),
        ("application/json", b""),
        ("application/json", b'{"a": "\\u0000", "messageId": "\\u0000"}'),
        ("application/json", b'{"messageId": "\\ud800"}'),
    ],
    ids=ascii,
)
def test_any_content_is_accepted(
    client: testing.TestClient, database: Database, content_type: str, body: bytes
) -> None:
    trigger_id = factories.trigger(database)

    answer = post(client, trigger_id, signed("custom", Sent({"Content-Type": content_type}, body)))

    assert answer.status_code == 200
    assert event_count(database) == 1


@pytest.mark.parametrize("chunked", [False, True], ids=["announced", "chunked"])
@pytest.mark.parametrize(("size", "status"), [(99, 200), (100, 200), (101, 413), (5000, 413)])
def test_a_body_beyond_the_limit_is_too_large(
    settings: Settings, database: Database, size: int, status: int, chunked: bool
) -> None:
    app = create_app(replace(settings, hookonce_max_body_bytes=100), database)
    trigger_id = factories.trigger(database)
    sent = signed("custom", Sent({"Content-Type": "text/plain"}, b"x" * size))
    unannounced = {"extras": {"CONTENT_LENGTH": ""}} if chunked else {}

    answer = post(testing.TestClient(app), trigger_id, sent, **unannounced)

    assert answer.status_code == status
    assert event_count(database) == (status == 200)


LARGE = b'{"ref": "' + b"x" * 3 * 1_048_576 + b'"}'


@pytest.mark.parametrize("chunked", [False, True], ids=["announced", "chunked"])
@pytest.mark.parametrize(("source", "status"), [("github", 200), ("gitlab", 200), ("custom", 413)])
def test_a_sender_that_documents_larger_bodies_may_send_them(
    client: testing.TestClient, database: Database, source: str, status: int, chunked: bool
) -> None:
    trigger_id = factories.trigger(database, source=source)
    sent = signed(source, Sent({"Content-Type": "application/json"}, LARGE))
    unannounced = {"extras": {"CONTENT_LENGTH": ""}} if chunked else {}

    assert post(client, trigger_id, sent, **unannounced).status_code == status


@pytest.mark.parametrize(
    "changed", [{"enabled": False}, {"secret": ""}, {"type": "event"}], ids=str
)
def test_a_trigger_that_refuses_anyway_takes_no_larger_body(
    client: testing.TestClient, database: Database, changed: dict[str, object]
) -> None:
    trigger_id = factories.trigger(database, **({"source": "github"} | changed))
    sent = signed("github", Sent({"Content-Type": "application/json"}, LARGE))

    assert post(client, trigger_id, sent).status_code == 413
    assert post(client, trigger_id + 1, sent).status_code == 413


def test_the_operators_own_limit_counts_for_every_source(
    settings: Settings, database: Database
) -> None:
    app = create_app(replace(settings, hookonce_max_body_bytes=2_000_000), database)
    trigger_id = factories.trigger(database, source="github")
    sent = signed("github", Sent({"Content-Type": "application/json"}, LARGE))

    assert post(testing.TestClient(app), trigger_id, sent).status_code == 413


def test_a_large_body_of_too_many_values_is_too_large(
    client: testing.TestClient, database: Database
) -> None:
    trigger_id = factories.trigger(database, source="github")
    body = b"[" + b"[]," * 1_250_000 + b"[]]"
    sent = signed("github", Sent({"Content-Type": "application/json"}, body))

    assert post(client, trigger_id, sent).status_code == 413
    assert event_count(database) == 0


def test_a_body_shorter_than_announced_is_refused(
    client: testing.TestClient, database: Database
) -> None:
    trigger_id = factories.trigger(database)

    answer = post(client, trigger_id, message(), extras={"CONTENT_LENGTH": "1000"})

    assert answer.status_code == 400
    assert event_count(database) == 0


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", ["/1", "/1/secret"])
def test_another_method_is_not_allowed(client: testing.TestClient, method: str, path: str) -> None:
    answer = client.simulate_request(method, f"/api/triggers/webhook{path}")

    assert (answer.status_code, "POST" in answer.headers["Allow"]) == (405, True)
    assert answer.json["error"] == "method_not_allowed"


@pytest.mark.parametrize("path", ["{id}", "{id}/secret", "{id}?a=b"])
def test_head_finds_an_address_and_brings_no_event(
    client: testing.TestClient, database: Database, path: str
) -> None:
    trigger_id = factories.trigger(database)
    sent = message()

    answer = client.simulate_head(
        f"/api/triggers/webhook/{path.format(id=trigger_id)}", headers=sent.headers, body=sent.body
    )

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Allow"] == "HEAD, POST"
    assert event_count(database) == 0


@pytest.mark.parametrize("path", ["/nowhere", "/api/triggers/webhook", "/api/triggers/webhooks/1"])
def test_an_unknown_path_is_said_so_in_json(client: testing.TestClient, path: str) -> None:
    answer = client.simulate_post(path)

    assert (answer.status_code, answer.json["error"]) == (404, "not_found")


def test_a_trigger_that_goes_between_look_up_and_insert_is_trouble_of_ours(
    client: testing.TestClient,
    database: Database,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.intake.trigger_cache.FRESH_SECONDS", 600.0)
    trigger_id = factories.trigger(database)
    post(client, trigger_id, message("m-1"))
    with database.writing() as connection:
        connection.execute(sa.delete(triggers))

    answer = post(client, trigger_id, message("m-2"))

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "foreign key" in caplog.text.lower()


def test_a_locked_database_is_trouble_of_ours_and_passes(
    settings: Settings, database: Database
) -> None:
    hasty = Database(replace(settings, hookonce_database_timeout_seconds=0.5))
    client = testing.TestClient(create_app(settings, hasty))
    trigger_id = factories.trigger(database)
    post(client, trigger_id, message("m-1"))

    with database.writing() as connection:
        connection.execute(sa.update(triggers).values(agent="locked"))
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("LOCK TABLE trigger_executions")
        locked = post(client, trigger_id, message("m-2"))
    after = post(client, trigger_id, message("m-2"))
    hasty.dispose()

    assert (locked.status_code, locked.headers["Retry-After"]) == (503, "5")
    assert after.status_code == 200
    assert event_count(database) == 2


def test_an_error_that_nobody_thought_of_is_trouble_of_ours(
    client: testing.TestClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    trigger_id = factories.trigger(database)
    monkeypatch.setattr("app.intake.key.unlimited", lambda *_: 1 / 0)

    answer = post(client, trigger_id, message())

    assert (answer.status_code, answer.json["error"]) == (500, "internal")


def test_an_enabled_trigger_is_the_operators_switch(
    client: testing.TestClient, database: Database
) -> None:
    trigger_id = factories.trigger(database, enabled=False)
    switching.set_enabled(database, str(trigger_id), True)

    assert post(client, trigger_id, message()).status_code == 200


def test_whatsapps_question_is_answered_with_its_challenge(
    client: testing.TestClient, database: Database
) -> None:
    trigger_id = factories.trigger(database, source="whatsapp")
    asked = {"hub.mode": "subscribe", "hub.verify_token": samples.SECRET, "hub.challenge": "1158"}

    answer = client.simulate_get(f"/api/triggers/webhook/{trigger_id}", params=asked)

    assert (answer.status_code, answer.text) == (200, "1158")


@pytest.mark.parametrize(
    "trigger", [{"source": "custom"}, {"source": "whatsapp", "enabled": False}, {"secret": "other"}]
)
def test_whoever_else_asks_is_told_nothing(
    client: testing.TestClient, database: Database, trigger: dict[str, object]
) -> None:
    trigger_id = factories.trigger(database, **({"source": "whatsapp"} | trigger))
    asked = {"hub.mode": "subscribe", "hub.verify_token": samples.SECRET, "hub.challenge": "1158"}

    answers = [
        client.simulate_get(f"/api/triggers/webhook/{each}", params=asked)
        for each in (trigger_id, 999)
    ]

    assert [(each.status_code, each.json) for each in answers] == [
        (403, {"error": "forbidden"})
    ] * 2


def test_slacks_ssl_check_is_answered_and_counted_but_is_no_event(
    client: testing.TestClient, database: Database
) -> None:
    trigger_id = factories.trigger(database, source="slack")
    check = Sent({"Content-Type": "application/x-www-form-urlencoded"}, b"ssl_check=1&token=x")

    answer = post(client, trigger_id, check)

    assert (answer.status_code, answer.content) == (200, b"")
    assert event_count(database) == 0


@pytest.mark.parametrize(
    "changed", [{"source": "custom"}, {"enabled": False}, {"secret": ""}], ids=str
)
def test_an_ssl_check_to_any_other_trigger_is_refused(
    client: testing.TestClient, database: Database, changed: dict[str, object]
) -> None:
    trigger_id = factories.trigger(database, **({"source": "slack"} | changed))
    check = Sent({"Content-Type": "application/x-www-form-urlencoded"}, b"ssl_check=1&token=x")

    assert post(client, trigger_id, check).status_code == 401


def test_twilio_gets_xml(client: testing.TestClient, database: Database) -> None:
    trigger_id = factories.trigger(
        database, source="twilio", secret=samples.trigger_secret("twilio")
    )

    answer = post(client, trigger_id, signed_sample("twilio", "message_received"))

    assert answer.headers["Content-Type"] == "text/xml; charset=utf-8"


def test_a_trigger_has_its_own_limit_of_a_body(
    client: testing.TestClient, database: Database
) -> None:
    small = factories.trigger(database, max_body_bytes=50)
    large = factories.trigger(database, max_body_bytes=2_000_000)
    sizes = [(small, 20), (small, 60), (large, 1_500_000), (large, 2_500_000)]

    answers = [
        post(
            client,
            trigger_id,
            signed("custom", Sent({"Content-Type": "text/plain"}, b"x" * size)),
        ).status_code
        for trigger_id, size in sizes
    ]

    assert answers == [200, 413, 200, 413]

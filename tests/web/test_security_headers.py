"""Security headers are set on every response, errors and webhooks included."""

from dataclasses import replace

import pytest
from falcon import testing

from app.db import Database
from app.settings import Settings
from app.web.application import create_app
from tests.support import factories
from tests.support.api import Api
from tests.support.in_process_sender import message, post

EVERYWHERE = [
    ("GET", "/healthz"),
    ("GET", "/openapi.json"),
    ("GET", "/api/triggers"),
    ("GET", "/nowhere"),
    ("DELETE", "/healthz"),
    ("GET", "/api/triggers/webhook/1"),
    ("POST", "/api/session"),
]


@pytest.mark.parametrize(("method", "path"), EVERYWHERE)
def test_every_answer_carries_them(api: Api, method: str, path: str) -> None:
    headers = api.ask(method, path).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"] == ("max-age=300" if "openapi" in path else "no-store")
    assert "Strict-Transport-Security" not in headers


def test_a_sender_is_told_what_no_browser_must_guess_or_keep_and_nothing_more(
    client: testing.TestClient, database: Database
) -> None:
    known = factories.trigger(database)
    for trigger_id, status in ((known, 200), (known + 1, 401)):
        answer = post(client, trigger_id, message())

        assert answer.status_code == status
        assert set(answer.headers) == {
            "content-type",
            "content-length",
            "x-content-type-options",
            "cache-control",
            "x-request-id",
        }
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"


def test_no_script_runs_but_our_own_files(api: Api) -> None:
    policy = api.ask("GET", "/healthz").headers["Content-Security-Policy"]
    said = dict(part.split(" ", 1) for part in policy.split("; "))

    assert said["default-src"] == "'none'"
    assert said["script-src"] == said["style-src"] == said["connect-src"] == "'self'"
    assert said["frame-ancestors"] == said["base-uri"] == "'none'"
    assert said["form-action"] == "'self'"
    assert "unsafe" not in policy


def test_behind_tls_a_browser_shall_come_back_by_tls(
    settings: Settings, database: Database
) -> None:
    chosen = replace(settings, hookonce_public_url="https://hooks.acme.example")
    client = testing.TestClient(create_app(chosen, database))

    headers = client.simulate_get("/healthz").headers

    assert headers["Strict-Transport-Security"] == "max-age=31536000"

"""The page of the older system works against the API as it is: its login, its header, its calls."""

from typing import Any

import pytest
from falcon import testing

from app import auth
from app.db import Database
from app.web import login_throttle
from tests.support import factories
from tests.support.api import Api

COOKIE = "hookonce_session"
SCRIPT = {"X-Requested-With": "XMLHttpRequest"}
FORM = {
    "name": "Deploy Notification",
    "type": "webhook",
    "source": "github",
    "event_filter": {"event": "push"},
    "action_type": "skill",
    "action_payload": "discord-send-message",
    "agent": None,
    "enabled": True,
}
"""A new trigger as the page's form sends it."""


class Page:
    """The older system's page: it has a cookie, and sends X-Requested-With with each change."""

    def __init__(self, api: Api, token: str) -> None:
        self._api = api
        login = {"username": "ada", "password": token}
        answer = api.ask("POST", "/api/auth/login", json=login, headers=SCRIPT)
        assert answer.status_code == 200, answer.text
        self.user = answer.json["user"]
        self.cookie = answer.cookies[COOKIE]

    def get(self, path: str) -> Any:
        return self._asked("GET", path).json

    def change(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._asked(method, path, json=body, headers=SCRIPT)
        assert answer.status_code in (200, 201), answer.text
        return answer.json

    def _asked(self, method: str, path: str, **more: Any) -> testing.Result:
        headers = {"Cookie": f"{COOKIE}={self.cookie.value}"} | more.pop("headers", {})
        more = {name: value for name, value in more.items() if value is not None}
        return self._api.ask(method, "/api" + path, headers=headers, **more)


@pytest.fixture
def page(api: Api, admin: str) -> Page:
    return Page(api, admin)


def test_the_page_asks_for_a_login_and_for_no_setup(api: Api) -> None:
    assert api.ask("GET", "/api/auth/needs-setup").json == {"needs_setup": False}
    assert api.ask("GET", "/api/auth/me").status_code == 401


@pytest.mark.parametrize(
    ("role", "actions"),
    [
        (auth.VIEWER, ["view"]),
        (auth.OPERATOR, ["view", "execute"]),
        (auth.ADMIN, ["view", "execute", "manage"]),
    ],
)
def test_the_page_knows_who_is_logged_in_and_what_they_may(
    api: Api, role: str, actions: list[str]
) -> None:
    page = Page(api, api.token(role, "ada"))

    me = page.get("/auth/me")

    assert me["user"] == page.user
    assert {"username": "ada", "display_name": "ada", "role": role}.items() <= me["user"].items()
    assert me["permissions"] == {"triggers": actions}
    assert (page.cookie.http_only, page.cookie.same_site) == (True, "Strict")


def test_the_page_does_all_that_it_does(page: Page, database: Database) -> None:
    made = page.change("POST", "/triggers", FORM)
    path = f"/triggers/{made['id']}"
    page.change("PUT", path, {"enabled": False})
    page.change("PUT", path, FORM | {"event_filter": {}, "enabled": True})
    page.change("POST", f"{path}/test")
    dead = factories.execution(database, made["id"], "failed_retryable")
    replay = page.change("POST", f"/triggers/executions/{dead}/replay")

    assert page.get("/triggers?type=webhook")["triggers"][0]["execution_count"] == 3
    assert page.get("/triggers?enabled=false")["triggers"] == []
    assert page.get("/triggers/stats?days=1")["window_days"] == 1
    newest, _dead, test = page.get(f"{path}/executions")["executions"]
    assert newest["id"] == replay["new_execution_id"]
    assert (test["event_data"]["_test"], test["event_data"]["event_type"]) == (True, "test")
    assert page.change("POST", f"{path}/regenerate-secret")["secret"] != made["secret"]
    page.change("DELETE", path)
    page.change("POST", "/auth/logout")
    assert page.get("/auth/me")["error"] == "unauthorized"


def test_a_wrong_password_is_refused_and_counted(api: Api, viewer: str) -> None:
    def log_in(password: str, **more: Any) -> int:
        login = {"username": "ada", "password": password}
        return api.ask("POST", "/api/auth/login", json=login, **more).status_code

    tries = [log_in("made up") for _ in range(login_throttle.FAILURES_PER_ADDRESS + 1)]

    assert tries == [401] * login_throttle.FAILURES_PER_ADDRESS + [429]
    assert log_in(viewer) == 200
    assert log_in("") == 422


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded"])
def test_a_page_of_another_site_cannot_log_anyone_in(
    api: Api, admin: str, content_type: str
) -> None:
    body = f'{{"password": "{admin}"}}'

    answer = api.ask("POST", "/api/auth/login", headers={"Content-Type": content_type}, body=body)

    assert answer.status_code == 415
    assert COOKIE not in answer.cookies


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Requested-With": ""},
        {"X-Requested-With": "fetch"},
        SCRIPT | {"Sec-Fetch-Site": "cross-site"},
        SCRIPT | {"Sec-Fetch-Site": "same-site"},
        SCRIPT | {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "same-origin"},
        {"Content-Type": "application/x-www-form-urlencoded", "Origin": "https://evil.example"},
    ],
)
def test_a_change_of_another_site_is_refused(
    api: Api, page: Page, headers: dict[str, str], database: Database
) -> None:
    trigger_id = factories.trigger(database)
    cookie = {"Cookie": f"{COOKIE}={page.cookie.value}"}

    answer = api.ask("DELETE", f"/api/triggers/{trigger_id}", headers=cookie | headers)

    assert answer.status_code == 403
    assert page.get(f"/triggers/{trigger_id}")["id"] == trigger_id


def test_a_browser_that_names_our_origin_is_let_in(
    api: Api, page: Page, database: Database
) -> None:
    trigger_id = factories.trigger(database)
    headers = SCRIPT | {"Sec-Fetch-Site": "same-origin", "Cookie": f"{COOKIE}={page.cookie.value}"}

    assert api.ask("DELETE", f"/api/triggers/{trigger_id}", headers=headers).status_code == 200


@pytest.mark.usefixtures("page")
def test_the_header_alone_is_no_login(api: Api, viewer: str, database: Database) -> None:
    path = f"/api/triggers/{factories.trigger(database)}"

    assert api.ask("DELETE", path, headers=SCRIPT).status_code == 401
    assert api.ask("DELETE", path, "made up", headers=SCRIPT).status_code == 401
    assert api.ask("DELETE", path, viewer, headers=SCRIPT).status_code == 403
    other = SCRIPT | {"Cookie": f"{COOKIE}=made-up"}
    assert api.ask("DELETE", path, headers=other).status_code == 401


def test_the_forms_of_our_own_pages_still_need_the_csrf_token(
    api: Api, page: Page, database: Database
) -> None:
    path = f"/triggers/{factories.trigger(database)}/delete"
    headers = SCRIPT | {"Cookie": f"{COOKIE}={page.cookie.value}"}

    assert api.ask("POST", path, headers=headers).status_code == 403


@pytest.mark.parametrize("path", ["/api/triggers", "/api/triggers/1", "/api/auth/login"])
def test_no_preflight_of_another_origin_is_ever_granted(api: Api, page: Page, path: str) -> None:
    asked = {
        "Origin": "https://evil.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-requested-with, content-type",
        "Cookie": f"{COOKIE}={page.cookie.value}",
    }

    for method in ("OPTIONS", "GET", "POST"):
        answer = api.ask(method, path, headers=asked)
        granted = [name for name in answer.headers if name.lower().startswith("access-control")]
        assert granted == [], method

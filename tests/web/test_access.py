"""Access to every route for every role and every kind of invalid token, from the route table."""

import re
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import falcon
import pytest
from falcon import testing

from app import auth, clock
from app.auth import ADMIN, OPERATOR, ROLES, VIEWER
from app.db import Database
from app.db.models import tokens
from app.db.schema import SchemaWatch, history
from app.settings import Settings
from app.web import application
from app.web.application import create_app
from app.web.auth import PUBLIC, Authenticator, Rule
from app.web.routes import GuardedApp, GuardedRoutes, RuleMissing
from tests.support.api import ROOT, Api
from tests.support.databases import migrate

EVERY_RULE = {
    ("/api/triggers/webhook/{trigger_id}", "GET"): PUBLIC,
    ("/api/triggers/webhook/{trigger_id}", "HEAD"): PUBLIC,
    ("/api/triggers/webhook/{trigger_id}", "POST"): PUBLIC,
    ("/api/triggers/webhook/{trigger_id}/{secret}", "GET"): PUBLIC,
    ("/api/triggers/webhook/{trigger_id}/{secret}", "HEAD"): PUBLIC,
    ("/api/triggers/webhook/{trigger_id}/{secret}", "POST"): PUBLIC,
    ("/healthz", "GET"): PUBLIC,
    ("/readyz", "GET"): PUBLIC,
    ("/metrics", "GET"): PUBLIC,
    ("/openapi.json", "GET"): PUBLIC,
    ("/api/session", "POST"): PUBLIC,
    ("/api/session", "GET"): VIEWER,
    ("/api/session", "DELETE"): VIEWER,
    ("/api/auth/needs-setup", "GET"): PUBLIC,
    ("/api/auth/login", "POST"): PUBLIC,
    ("/api/auth/me", "GET"): VIEWER,
    ("/api/auth/logout", "POST"): VIEWER,
    ("/api/triggers", "GET"): VIEWER,
    ("/api/triggers", "POST"): OPERATOR,
    ("/api/triggers/{trigger_id}", "GET"): VIEWER,
    ("/api/triggers/{trigger_id}", "PUT"): OPERATOR,
    ("/api/triggers/{trigger_id}", "PATCH"): OPERATOR,
    ("/api/triggers/{trigger_id}", "DELETE"): ADMIN,
    ("/api/triggers/{trigger_id}/test", "POST"): OPERATOR,
    ("/api/triggers/{trigger_id}/regenerate-secret", "POST"): ADMIN,
    ("/api/triggers/{trigger_id}/pause", "POST"): OPERATOR,
    ("/api/triggers/{trigger_id}/resume", "POST"): OPERATOR,
    ("/api/triggers/{trigger_id}/breaker/probe", "POST"): OPERATOR,
    ("/api/triggers/{trigger_id}/breaker/close", "POST"): OPERATOR,
    ("/api/pause", "GET"): VIEWER,
    ("/api/pause", "POST"): OPERATOR,
    ("/api/resume", "POST"): OPERATOR,
    ("/api/workers", "GET"): VIEWER,
    ("/api/triggers/{trigger_id}/executions", "GET"): VIEWER,
    ("/api/triggers/executions", "GET"): VIEWER,
    ("/api/triggers/executions/{execution_id}", "GET"): VIEWER,
    ("/api/triggers/executions/{execution_id}/replay", "POST"): OPERATOR,
    ("/api/triggers/stats", "GET"): VIEWER,
    ("/api/deliveries", "GET"): VIEWER,
    ("/api/deliveries/{delivery_id}", "GET"): VIEWER,
    ("/api/deliveries/{delivery_id}/accept", "POST"): OPERATOR,
    ("/api/triggers/executions/{execution_id}/run-again", "POST"): OPERATOR,
    ("/api/triggers/executions/{execution_id}/replay-edited", "POST"): OPERATOR,
    ("/api/triggers/executions/{execution_id}/cancel", "POST"): OPERATOR,
    ("/api/triggers/executions/{execution_id}/retry-now", "POST"): OPERATOR,
    ("/api/triggers/executions/{execution_id}/forget-key", "POST"): OPERATOR,
    ("/api/deliveries/{delivery_id}/run", "POST"): OPERATOR,
    ("/api/dead", "GET"): VIEWER,
    ("/api/dead/replay", "POST"): OPERATOR,
    ("/api/tokens", "GET"): ADMIN,
    ("/api/tokens", "POST"): ADMIN,
    ("/api/tokens/{token_id}", "DELETE"): ADMIN,
    ("/api/audit", "GET"): ADMIN,
    ("/api/notifications", "GET"): VIEWER,
    ("/api/notifications", "POST"): ADMIN,
    ("/api/notifications/{channel_id}", "DELETE"): ADMIN,
    ("/api/notifications/{channel_id}/test", "POST"): ADMIN,
    ("/static/{name}", "GET"): PUBLIC,
    ("/login", "GET"): PUBLIC,
    ("/login", "POST"): PUBLIC,
    ("/logout", "POST"): VIEWER,
    ("/", "GET"): VIEWER,
    ("/triggers", "GET"): VIEWER,
    ("/triggers", "POST"): OPERATOR,
    ("/triggers/new", "GET"): OPERATOR,
    ("/triggers/{trigger_id}", "GET"): VIEWER,
    ("/triggers/{trigger_id}/setup", "GET"): VIEWER,
    ("/triggers/{trigger_id}/edit", "GET"): OPERATOR,
    ("/triggers/{trigger_id}/edit", "POST"): OPERATOR,
    ("/triggers/{trigger_id}/enabled", "POST"): OPERATOR,
    ("/triggers/{trigger_id}/test", "POST"): OPERATOR,
    ("/triggers/{trigger_id}/pause", "GET"): OPERATOR,
    ("/triggers/{trigger_id}/pause", "POST"): OPERATOR,
    ("/triggers/{trigger_id}/resume", "GET"): OPERATOR,
    ("/triggers/{trigger_id}/resume", "POST"): OPERATOR,
    ("/triggers/{trigger_id}/breaker", "POST"): OPERATOR,
    ("/pause", "GET"): VIEWER,
    ("/pause", "POST"): OPERATOR,
    ("/workers", "GET"): VIEWER,
    ("/triggers/{trigger_id}/rotate", "GET"): ADMIN,
    ("/triggers/{trigger_id}/rotate", "POST"): ADMIN,
    ("/triggers/{trigger_id}/delete", "GET"): ADMIN,
    ("/triggers/{trigger_id}/delete", "POST"): ADMIN,
    ("/executions", "GET"): VIEWER,
    ("/executions/{execution_id}", "GET"): VIEWER,
    ("/executions/{execution_id}/event.json", "GET"): VIEWER,
    ("/executions/{execution_id}/request", "GET"): VIEWER,
    ("/executions/{execution_id}/replay", "GET"): OPERATOR,
    ("/executions/{execution_id}/replay", "POST"): OPERATOR,
    ("/deliveries", "GET"): VIEWER,
    ("/deliveries/{delivery_id}", "GET"): VIEWER,
    ("/deliveries/{delivery_id}/body", "GET"): VIEWER,
    ("/deliveries/{delivery_id}/accept", "GET"): OPERATOR,
    ("/deliveries/{delivery_id}/accept", "POST"): OPERATOR,
    ("/executions/{execution_id}/run-again", "GET"): OPERATOR,
    ("/executions/{execution_id}/run-again", "POST"): OPERATOR,
    ("/executions/{execution_id}/edit", "GET"): OPERATOR,
    ("/executions/{execution_id}/edit", "POST"): OPERATOR,
    ("/executions/{execution_id}/cancel", "GET"): OPERATOR,
    ("/executions/{execution_id}/cancel", "POST"): OPERATOR,
    ("/executions/{execution_id}/retry-now", "POST"): OPERATOR,
    ("/executions/{execution_id}/forget-key", "GET"): OPERATOR,
    ("/executions/{execution_id}/forget-key", "POST"): OPERATOR,
    ("/deliveries/{delivery_id}/run", "GET"): OPERATOR,
    ("/deliveries/{delivery_id}/run", "POST"): OPERATOR,
    ("/dead", "GET"): VIEWER,
    ("/dead/replay", "GET"): OPERATOR,
    ("/dead/replay", "POST"): OPERATOR,
    ("/notifications", "GET"): VIEWER,
    ("/notifications", "POST"): ADMIN,
    ("/notifications/{channel_id}/test", "POST"): ADMIN,
    ("/notifications/{channel_id}/remove", "GET"): ADMIN,
    ("/notifications/{channel_id}/remove", "POST"): ADMIN,
    ("/docs", "GET"): VIEWER,
    ("/dead/results", "GET"): VIEWER,
    ("/audit", "GET"): ADMIN,
    ("/tokens", "GET"): ADMIN,
    ("/tokens", "POST"): ADMIN,
    ("/tokens/{token_id}/revoke", "GET"): ADMIN,
    ("/tokens/{token_id}/revoke", "POST"): ADMIN,
}
"""Expected rule of every route; the copy catches accidental changes."""
PROGRAMS = ("/api/", "/metrics")
"""Path prefixes for programs; a page redirects to the login instead of answering 401."""
CONVERTER = re.compile(r":\w+(\([^)]*\))?}")


@pytest.fixture(scope="module")
def rules() -> dict[tuple[str, str], Rule]:
    """Return the rules of the running application."""
    found: dict[tuple[str, str], Rule] = {}

    class Noted(GuardedRoutes):
        def add(self, route: str, resource: object, **rules: Rule) -> None:
            super().add(route, resource, **rules)
            found.update(self.rules)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(application, "GuardedRoutes", Noted)
        create_app(Settings(database_url="sqlite:///does-not-exist.db"))
    return found


def guarded(rules: dict[tuple[str, str], Rule]) -> list[tuple[str, str, Rule]]:
    return [
        (method, re.sub(r"{[^}]*}", "1", CONVERTER.sub("}", route)), rule)
        for (route, method), rule in rules.items()
        if rule != PUBLIC
    ]


def test_the_rules_are_those_that_were_agreed_on(rules: dict[tuple[str, str], Rule]) -> None:
    plain = {(CONVERTER.sub("}", route), method): rule for (route, method), rule in rules.items()}

    assert plain == EVERY_RULE


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_do_what_its_rules_say_and_nothing_more(
    api: Api, rules: dict[tuple[str, str], Rule], role: str
) -> None:
    token = api.token(role)
    refused = {
        (method, path): api.ask(method, path, token).status_code == 403
        for method, path, _rule in guarded(rules)
    }

    assert refused == {
        (method, path): ROLES.index(role) < ROLES.index(rule)
        for method, path, rule in guarded(rules)
    }


def expired(api: Api) -> str:
    token = api.token(ADMIN)
    with api.database.writing() as connection:
        past = clock.now() - timedelta(seconds=1)
        connection.execute(tokens.update().values(expires_at=past))
    return token


def revoked(api: Api) -> str:
    row, token = auth.add_token(api.database, ROOT, "gone", ADMIN)
    auth.revoke_token(api.database, ROOT, row.id)
    return token


NO_GOOD: dict[str, Callable[[Api], dict[str, str]]] = {
    "none": lambda _api: {},
    "forged": lambda api: bearer(api.token(ADMIN)[:-1] + "#"),
    "made up": lambda _api: bearer("hookonce_" + "A" * 43),
    "expired": lambda api: bearer(expired(api)),
    "revoked": lambda api: bearer(revoked(api)),
    "of another scheme": lambda api: {"Authorization": f"Basic {api.token(ADMIN)}"},
    "empty": lambda _api: {"Authorization": "Bearer "},
    "endless": lambda _api: bearer("A" * 10_000),
    "not text": lambda _api: bearer("\xff\xfe"),
    "its hash": lambda api: bearer(auth.hashed(api.token(ADMIN))),
    "a made-up cookie": lambda _api: {"Cookie": "hookonce_session=AAAA"},
    "a token as a cookie": lambda api: {"Cookie": f"hookonce_session={api.token(ADMIN)}"},
}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("kind_of_token", NO_GOOD)
def test_nothing_is_done_for_a_token_that_is_no_good(
    api: Api, rules: dict[tuple[str, str], Rule], kind_of_token: str
) -> None:
    headers = NO_GOOD[kind_of_token](api)

    for method, path, _rule in guarded(rules):
        answer = api.ask(method, path, headers=headers)

        if not path.startswith(PROGRAMS):
            assert answer.status_code == 303, (method, path)
            assert answer.headers["Location"].startswith("/login")
            continue
        assert answer.status_code == 401, (method, path)
        assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="hookonce"')
        assert answer.json["error"] == "unauthorized"
    assert api.changes() == []


def test_a_bad_token_is_not_mended_by_a_good_cookie(api: Api, admin: str) -> None:
    cookie = api.ask("POST", "/api/session", json={"token": admin}).cookies["hookonce_session"]

    answer = api.ask(
        "GET",
        "/api/session",
        "made-up",
        headers={"Cookie": f"hookonce_session={cookie.value}"},
    )

    assert answer.status_code == 401


class Hello:
    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.media = "hello"

    def on_post(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.media = "hello"


@pytest.fixture
def routes(database: Database, settings: Settings) -> GuardedRoutes:
    return GuardedRoutes(GuardedApp(), Authenticator(database, SchemaWatch(database), settings))


@pytest.mark.parametrize(
    "rules",
    [{}, {"GET": VIEWER}, {"GET": VIEWER, "POST": VIEWER, "DELETE": VIEWER}],
    ids=["none", "one too few", "one too many"],
)
def test_a_method_without_a_rule_is_not_added(
    routes: GuardedRoutes, rules: dict[str, Rule]
) -> None:
    with pytest.raises(RuleMissing, match="/hello"):
        routes.add("/hello", Hello(), **rules)


def test_there_is_no_way_around_the_rules(routes: GuardedRoutes) -> None:
    routes.add("/hello", Hello(), GET=VIEWER, POST=PUBLIC)

    with pytest.raises(RuleMissing, match="/back-door"):
        routes._app.add_route("/back-door", Hello())
    with pytest.raises(RuleMissing, match="sink"):
        routes._app.add_sink(lambda _req, _resp: None, "/anything")
    with pytest.raises(RuleMissing, match="static route"):
        routes._app.add_static_route("/anything", "/")


def test_a_method_that_a_path_has_not_is_refused_with_those_that_it_has(
    api: Api, admin: str
) -> None:
    answer = api.ask("DELETE", "/api/triggers", admin)

    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "POST", "OPTIONS"}


@pytest.mark.parametrize(
    "path",
    ["/api", "/api/nothing", "/api/triggers/x", "/api/triggers/0", "/api/triggers/99999999999"],
)
def test_a_path_that_is_none_is_not_found(api: Api, admin: str, path: str) -> None:
    answer = api.ask("GET", path, admin)

    assert (answer.status_code, answer.json["error"]) == (404, "not_found")


def test_the_api_waits_for_a_migration_and_tells_no_stranger_which(
    api: Api, admin: str, database_url: str
) -> None:
    migrate(database_url, to="0015", down=True)

    answer = api.ask("GET", "/api/triggers", admin)

    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert "run `alembic upgrade head`" in answer.json["detail"]
    assert "0015" not in answer.text


STRANGERS = [
    *("/healthz", "/readyz", "/api/nowhere", "/api/triggers", "/login", "/static/none"),
    *("/api/triggers/webhook/1", "/api/triggers/webhook/1/secret", "/"),
]


@pytest.mark.parametrize("state", ["fit", "behind", "away"])
def test_a_stranger_reads_no_path_no_version_and_no_revision(
    settings: Settings, database_url: str, tmp_path: Path, state: str
) -> None:
    if state == "behind":
        migrate(database_url, to="0003", down=True)
    url = f"sqlite:///{tmp_path}/none.db" if state == "away" else database_url
    database = Database(replace(settings, database_url=url))
    client = testing.TestClient(create_app(settings, database))
    asked = [client.simulate_request(m, path) for path in STRANGERS for m in ("GET", "POST")]
    database.dispose()

    read = "".join(f"{answer.headers}{answer.text}" for answer in asked).lower()
    revealing = (str(tmp_path), sqlite3.sqlite_version, "sqlite", "postgres")
    revisions = "|".join(["0003", *history()[-2:]])
    assert [word for word in revealing if word.lower() in read] == []
    # a random id may contain such digits, but not alone
    assert re.findall(rf"(?<![0-9a-z_-])(?:{revisions})(?![0-9a-z_-])", read) == []


def test_the_api_says_that_its_database_is_away(settings: Settings, tmp_path: object) -> None:
    away = Database(replace(settings, database_url=f"sqlite:///{tmp_path}/none.db"))
    client = testing.TestClient(create_app(settings, away))

    answer = client.simulate_get("/api/triggers", headers=bearer("x"))
    away.dispose()

    assert answer.status_code == 503
    assert answer.headers["Retry-After"]

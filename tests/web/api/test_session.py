"""Sessions: login with a token, cookie, CSRF token, logout, and the limit of failed logins."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from falcon import testing

from app import auth, clock
from app.db import Database
from app.db.models import audit, sessions, tokens
from app.errors import TooManyAttempts, Unauthenticated
from app.settings import Settings
from app.web import login_throttle
from app.web.application import create_app
from app.web.login_throttle import LoginThrottle
from tests.support import factories
from tests.support.api import ROOT, Api

COOKIE = "hookonce_session"
PAST = timedelta(seconds=1)


class Browser:
    """A browser with a session."""

    def __init__(self, api: Api, token: str) -> None:
        self._api = api
        answer = api.ask("POST", "/api/session", json={"token": token})
        assert answer.status_code == 201, answer.text
        self.csrf_token = answer.json["csrf_token"]
        self.secret = answer.cookies[COOKIE].value

    def ask(self, method: str, path: str, csrf: str | None = None, **more: Any) -> testing.Result:
        headers = {"Cookie": f"{COOKIE}={self.secret}"} | more.pop("headers", {})
        headers |= {"X-CSRF-Token": csrf} if csrf is not None else {}
        return self._api.ask(method, path, headers=headers, **more)


@pytest.fixture
def browser(api: Api, admin: str) -> Browser:
    return Browser(api, admin)


def test_a_session_says_who_is_logged_in(browser: Browser) -> None:
    shown = browser.ask("GET", "/api/session").json

    assert (shown["name"], shown["role"]) == ("a admin", "admin")
    assert shown["csrf_token"] == browser.csrf_token
    assert shown["expires_at"] > clock.text(clock.now())


def test_a_token_says_whose_it_is_and_has_no_session(api: Api, viewer: str) -> None:
    shown = api.ask("GET", "/api/session", viewer).json

    assert shown == {"name": "a viewer", "role": "viewer", "csrf_token": None, "expires_at": None}


def test_neither_the_cookie_nor_the_token_stands_in_the_database(
    admin: str, browser: Browser, database: Database
) -> None:
    with database.reading() as connection:
        everything = str(connection.execute(sa.select(sessions)).all())
        everything += str(connection.execute(sa.select(tokens)).all())

    assert browser.secret not in everything
    assert admin not in everything


@pytest.mark.parametrize("public_url", ["http://127.0.0.1:8000", "https://hooks.acme.example"])
def test_a_script_cannot_read_the_cookie_and_no_other_site_sends_it(
    settings: Settings, database: Database, public_url: str
) -> None:
    app = create_app(replace(settings, hookonce_public_url=public_url), database)
    api = Api(testing.TestClient(app), database)
    tls = public_url.startswith("https:")

    answer = api.ask("POST", "/api/session", json={"token": api.token(auth.VIEWER)})
    cookie = answer.cookies[f"__Host-{COOKIE}" if tls else COOKIE]

    assert cookie.http_only
    assert cookie.same_site == "Strict"
    assert cookie.secure is tls
    assert (cookie.path, cookie.domain) == ("/", None)
    assert cookie.expires is not None


def test_a_session_ends_when_its_token_expires(api: Api) -> None:
    end = clock.now() + timedelta(minutes=5)
    token = api.token(auth.VIEWER, expires_at=end)

    answer = api.ask("POST", "/api/session", json={"token": token})

    assert answer.json["expires_at"] == clock.text(end)


def test_logging_out_ends_the_session(browser: Browser) -> None:
    answer = browser.ask("DELETE", "/api/session", browser.csrf_token)

    assert answer.status_code == 204
    assert answer.cookies[COOKIE].max_age == 0 or answer.cookies[COOKIE].value == ""
    assert browser.ask("GET", "/api/session").status_code == 401


def test_a_session_that_has_ended_is_no_good(browser: Browser, database: Database) -> None:
    with database.writing() as connection:
        connection.execute(sa.update(sessions).values(expires_at=clock.now() - PAST))

    assert browser.ask("GET", "/api/session").status_code == 401


@pytest.mark.parametrize("column", ["expires_at", "revoked_at"])
def test_a_session_is_no_good_without_its_token(
    browser: Browser, database: Database, column: str
) -> None:
    with database.writing() as connection:
        connection.execute(sa.update(tokens).values({column: clock.now() - PAST}))

    assert browser.ask("GET", "/api/session").status_code == 401


@pytest.mark.usefixtures("browser")
def test_revoking_a_token_ends_its_sessions(database: Database) -> None:
    auth.revoke_token(database, ROOT, "a admin")

    with database.reading() as connection:
        assert connection.execute(sa.select(sessions)).all() == []


@pytest.mark.usefixtures("browser")
def test_a_new_session_clears_the_ended_ones_away(
    api: Api, viewer: str, database: Database
) -> None:
    with database.writing() as connection:
        connection.execute(sa.update(sessions).values(expires_at=clock.now() - PAST))

    Browser(api, viewer)

    with database.reading() as connection:
        assert len(connection.execute(sa.select(sessions)).all()) == 1


@pytest.mark.parametrize("csrf", [None, "", "made up", "é"])
def test_a_change_by_cookie_needs_the_csrf_token(
    api: Api, browser: Browser, csrf: str | None
) -> None:
    answer = browser.ask("POST", "/api/tokens", csrf, json={"name": "x", "role": "admin"})

    assert answer.status_code == 403
    assert api.changes("token.add") == []


def test_the_csrf_token_of_another_session_is_no_good(
    api: Api, admin: str, browser: Browser
) -> None:
    other = Browser(api, admin)

    answer = browser.ask(
        "POST", "/api/tokens", other.csrf_token, json={"name": "x", "role": "admin"}
    )

    assert answer.status_code == 403


def test_a_change_by_cookie_with_the_csrf_token_is_made(api: Api, browser: Browser) -> None:
    answer = browser.ask(
        "POST", "/api/tokens", browser.csrf_token, json={"name": "x", "role": "viewer"}
    )

    assert answer.status_code == 201
    assert [row.actor for row in api.changes("token.add")] == ["a admin"]


def test_a_form_may_carry_the_csrf_token_as_a_field(browser: Browser, database: Database) -> None:
    trigger_id = factories.trigger(database)

    answer = browser.ask(
        "DELETE",
        f"/api/triggers/{trigger_id}",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        body=f"csrf_token={browser.csrf_token}",
    )

    assert answer.status_code == 200


def test_the_session_has_the_role_that_its_token_has_now(
    browser: Browser, database: Database
) -> None:
    with database.writing() as connection:
        connection.execute(sa.update(tokens).values(role=auth.VIEWER))

    assert browser.ask("GET", "/api/tokens").status_code == 403


def test_logging_in_and_out_is_on_record(api: Api, browser: Browser) -> None:
    browser.ask("DELETE", "/api/session", browser.csrf_token)

    assert [row.action for row in api.changes()] == ["session.begin", "session.end"]


def test_a_page_of_another_site_cannot_log_anyone_in(api: Api, admin: str) -> None:
    answer = api.ask(
        "POST",
        "/api/session",
        headers={"Content-Type": "text/plain"},
        body=f'{{"token": "{admin}"}}',
    )

    assert answer.status_code == 415


def fail(api: Api, times: int, address: str = "192.0.2.1") -> list[int]:
    return [
        api.ask("POST", "/api/session", json={"token": "made up"}, remote_addr=address).status_code
        for _ in range(times)
    ]


def test_an_address_that_fails_often_is_told_to_wait_and_a_right_token_is_let_in(
    api: Api, viewer: str
) -> None:
    statuses = fail(api, login_throttle.FAILURES_PER_ADDRESS + 1)
    again = api.ask("POST", "/api/session", json={"token": "no"}, remote_addr="192.0.2.1")
    answer = api.ask("POST", "/api/session", json={"token": viewer}, remote_addr="192.0.2.1")
    elsewhere = fail(api, 1, "192.0.2.2")

    assert statuses == [401] * login_throttle.FAILURES_PER_ADDRESS + [429]
    assert (again.status_code, again.headers["Retry-After"]) == (429, "60")
    assert answer.status_code == 201
    assert elsewhere == [401]


def test_failures_of_a_dozen_addresses_keep_nobody_out(api: Api, viewer: str) -> None:
    for number in range(12):
        fail(api, login_throttle.FAILURES_PER_ADDRESS, f"192.0.2.{number}")
    bearers = [api.ask("GET", "/api/session", "made up").status_code for _ in range(70)]

    answer = api.ask("POST", "/api/session", json={"token": viewer}, remote_addr="192.0.2.99")
    wrong = fail(api, 1, "192.0.2.98")
    bearer = api.ask("GET", "/api/session", viewer)

    assert (answer.status_code, wrong, bearer.status_code) == (201, [401], 200)
    assert set(bearers) == {401}


def test_a_made_up_forwarded_address_does_not_help(api: Api) -> None:
    fail(api, login_throttle.FAILURES_PER_ADDRESS)

    answer = api.ask(
        "POST",
        "/api/session",
        json={"token": "made up"},
        remote_addr="192.0.2.1",
        headers={"X-Forwarded-For": "198.51.100.7"},
    )

    assert answer.status_code == 429


@pytest.mark.parametrize(
    ("count", "header", "address"),
    [
        (0, "198.51.100.7", "192.0.2.1"),
        (1, "198.51.100.7", "198.51.100.7"),
        (1, "10.9.9.9, 198.51.100.7", "198.51.100.7"),
        (2, "10.9.9.9, 198.51.100.7, 10.0.0.1", "198.51.100.7"),
        (2, "198.51.100.7", "192.0.2.1"),
        (1, "nonsense", "192.0.2.1"),
        (1, None, "192.0.2.1"),
    ],
)
def test_the_address_on_record_is_that_before_the_operators_own_proxies(
    settings: Settings, database: Database, count: int, header: str | None, address: str
) -> None:
    app = create_app(replace(settings, hookonce_proxy_count=count), database)
    api = Api(testing.TestClient(app), database)
    headers = {} if header is None else {"X-Forwarded-For": header}
    login = {"token": api.token(auth.VIEWER)}

    api.ask("POST", "/api/session", json=login, headers=headers, remote_addr="192.0.2.1")

    assert [row.origin for row in api.changes()] == [address]


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def failed(guard: LoginThrottle, address: str) -> None:
    with pytest.raises(Unauthenticated), guard.attempt(address):
        raise Unauthenticated("no")


def refused(guard: LoginThrottle, address: str) -> None:
    with pytest.raises(TooManyAttempts), guard.attempt(address):
        raise Unauthenticated("no")


def test_after_a_minute_an_address_is_not_told_to_wait() -> None:
    now = Clock()
    guard = LoginThrottle(now)
    for _ in range(login_throttle.FAILURES_PER_ADDRESS):
        failed(guard, "192.0.2.1")
    refused(guard, "192.0.2.1")

    now.seconds = login_throttle.WINDOW_SECONDS + 1

    failed(guard, "192.0.2.1")


def test_an_attempt_that_succeeds_or_breaks_off_is_not_counted() -> None:
    guard = LoginThrottle(Clock())
    for _ in range(2 * login_throttle.FAILURES_PER_ADDRESS):
        with guard.attempt("192.0.2.1"):
            pass
        with pytest.raises(ZeroDivisionError), guard.attempt("192.0.2.1"):
            raise ZeroDivisionError

    failed(guard, "192.0.2.1")


@pytest.mark.parametrize(
    ("addresses", "other", "beyond"),
    [
        ("2001:db8::", "2001:db8::ffff:1", "2001:db8:0:1::1"),
        ("::ffff:192.0.2.", "192.0.2.1", "::ffff:192.0.2.200"),
    ],
)
def test_the_addresses_of_one_network_are_one(addresses: str, other: str, beyond: str) -> None:
    guard = LoginThrottle(Clock())
    mapped = addresses.startswith("::ffff")
    for number in range(login_throttle.FAILURES_PER_ADDRESS):
        failed(guard, f"{addresses}{1 if mapped else number + 1}")

    refused(guard, other)
    failed(guard, beyond)


def test_failures_of_any_number_of_addresses_are_neither_all_remembered_nor_added_up() -> None:
    guard = LoginThrottle(Clock())
    for number in range(login_throttle.ADDRESSES_AT_MOST * 10):
        failed(guard, f"10.{number // 65536}.{number // 256 % 256}.{number % 256}")
    for _ in range(1_000):
        with pytest.raises((TooManyAttempts, Unauthenticated)), guard.attempt("192.0.2.1"):
            raise Unauthenticated("no")

    failed(guard, "198.51.100.1")
    assert len(guard._failed) <= login_throttle.ADDRESSES_AT_MOST
    assert max(map(len, guard._failed.values())) <= login_throttle.FAILURES_PER_ADDRESS + 1


def test_of_the_sessions_of_one_token_the_newest_stay(api: Api, viewer: str, admin: str) -> None:
    other = Browser(api, admin)
    browsers = [Browser(api, viewer) for _ in range(auth.SESSIONS_PER_TOKEN + 3)]

    statuses = [each.ask("GET", "/api/session").status_code for each in browsers]

    assert statuses == [401] * 3 + [200] * auth.SESSIONS_PER_TOKEN
    assert other.ask("GET", "/api/session").status_code == 200


def test_logins_of_one_token_do_not_fill_the_audit_record(
    api: Api, viewer: str, admin: str, database: Database
) -> None:
    row_count = auth.SESSION_ROWS_PER_HOUR
    for _ in range(row_count // 2 + 5):
        browser = Browser(api, viewer)
        assert browser.ask("DELETE", "/api/session", browser.csrf_token).status_code == 204
    Browser(api, admin)

    rows = api.changes()
    assert len(rows) == row_count + 1
    assert "not recorded" in rows[row_count - 1].after
    assert rows[-1].actor == "a admin"

    with database.writing() as connection:
        connection.execute(sa.update(audit).values(at=clock.now() - timedelta(hours=1)))
    Browser(api, viewer)
    assert len(api.changes()) == row_count + 2


def test_concurrent_logins_of_one_token_stay_within_its_bounds(
    api: Api, viewer: str, database: Database
) -> None:
    def log_in(_number: int) -> str:
        return auth.begin_session(database, viewer, None, 60.0)[1]

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(log_in, range(auth.SESSION_ROWS_PER_HOUR + 8)))

    with database.reading() as connection:
        kept = connection.execute(sa.select(sa.func.count()).select_from(sessions)).scalar_one()
    assert (kept, len(api.changes())) == (auth.SESSIONS_PER_TOKEN, auth.SESSION_ROWS_PER_HOUR)

"""The pages, requested without a browser: access, login, forms, CSRF and error pages."""

import json
import re
import zipfile
from datetime import UTC, datetime
from html import unescape
from pathlib import Path

import pytest
import sqlalchemy as sa
from falcon import testing
from flit_core import buildapi

from app import auth
from app.db import Database, paging, utc_now
from app.db.models import execution_attempts
from app.executions import listing
from app.lifecycle import STATUSES
from app.triggers import lookup
from app.web.pages.rendering import DECLARED
from tests.support import factories
from tests.support.api import Api
from tests.support.databases import ROOT
from tests.support.thorough import some
from tests.support.visitor import Visitor, hidden

POSTS = sorted({page.route for page in DECLARED if page.method == "POST"} - {"/login"})


def path_of(route: str, number: int = 1) -> str:
    return re.sub(r"{[^}]*}", str(number), route)


@pytest.fixture
def visitor(client: testing.TestClient) -> Visitor:
    return Visitor(client)


@pytest.fixture
def ada(visitor: Visitor, admin: str) -> Visitor:
    """Return a visitor who is logged in as admin."""
    visitor.log_in(admin)
    return visitor


def test_who_is_not_logged_in_is_shown_the_way_and_led_back(visitor: Visitor, viewer: str) -> None:
    asked = visitor.get("/executions?status=failed&key=a%20b")
    assert asked.status_code == 303
    form = visitor.get(asked.headers["Location"])

    answer = visitor.post("/login", hidden(form.text) | {"token": viewer})

    assert (answer.status_code, answer.headers["Location"]) == (
        303,
        "/executions?status=failed&key=a%20b",
    )
    assert visitor.get("/").status_code == 200


def test_who_sends_a_form_of_a_session_that_has_ended_is_told_the_way_back_to_it(
    visitor: Visitor,
) -> None:
    answer = visitor.post("/triggers/1/edit", {"name": "typed"})

    assert answer.status_code == 303
    login = visitor.get(answer.headers["Location"]).text
    assert "nothing was changed. Log in, then go back to the form" in login


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.example",
        "https://evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        " //evil.example",
        "javascript:alert(1)",
        "evil.example",
        "/login?next=/login",
        "/logout",
        "",
    ],
)
def test_after_the_login_nobody_is_sent_to_another_host(
    visitor: Visitor, viewer: str, wanted: str
) -> None:
    answer = visitor.log_in(viewer, wanted)

    assert (answer.status_code, answer.headers["Location"]) == (303, "/")


def test_a_number_at_which_counting_stops_is_shown_as_that_or_more(
    ada: Visitor, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.trigger(database, name="Orders")
    monkeypatch.setattr(listing, "execution_count", lambda *_: listing.EXACT_UP_TO)

    page = ada.get("/triggers").text

    assert re.search(r'10\u202f000 or more<span class="hidden"> executions of <bdi>Orders', page)


def test_a_login_form_of_another_site_is_not_taken(visitor: Visitor, viewer: str) -> None:
    visitor.get("/login")

    answer = visitor.post("/login", {"csrf_token": "A" * 43, "token": viewer})

    assert answer.status_code == 403
    assert visitor.get("/").status_code == 303


def test_a_login_without_the_cookie_of_its_form_is_not_taken(visitor: Visitor, viewer: str) -> None:
    answer = visitor.post("/login", {"csrf_token": "", "token": viewer})

    assert answer.status_code == 403
    assert "the browser keeps no cookie of this address" in answer.text


def test_a_token_that_is_no_good_is_told_so(visitor: Visitor) -> None:
    answer = visitor.log_in("hookonce_" + "A" * 43)

    assert answer.status_code == 401
    assert "unknown, expired or revoked" in answer.text
    assert 'role="alert"' in answer.text


def test_too_many_attempts_have_to_wait_and_are_told_how_long(visitor: Visitor) -> None:
    answers = [visitor.log_in(f"wrong {number}") for number in range(6)]

    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert answers[-1].headers["Retry-After"] == "60"
    assert 'data-countdown="60"' in answers[-1].text


def test_a_token_never_stands_in_an_answer(visitor: Visitor, viewer: str) -> None:
    wrong = viewer[:-1] + "#"

    assert wrong not in visitor.log_in(wrong).text
    assert viewer not in visitor.log_in(viewer).text


def test_who_logs_out_is_out(ada: Visitor) -> None:
    session = dict(ada.cookies)
    answer = ada.post("/logout")

    assert answer.headers["Location"].startswith("/login")
    ada.cookies = session
    assert ada.get("/").status_code == 303


@pytest.mark.parametrize("route", some(POSTS, one_in=4))
@pytest.mark.parametrize("forged", ["", "A" * 43])
def test_a_form_without_the_token_of_its_session_changes_nothing(
    api: Api, ada: Visitor, route: str, forged: str
) -> None:
    trigger_id = factories.trigger(api.database)
    dead = factories.execution(api.database, trigger_id, "failed")
    before = len(api.changes())

    answer = ada.post(
        path_of(route, dead if "execution" in route else trigger_id), {"csrf_token": forged}
    )

    assert answer.status_code == 403
    assert "Access denied" in answer.text
    assert "nothing was changed: go back and send it again" in answer.text
    assert len(api.changes()) == before


@pytest.mark.parametrize("role", auth.ROLES)
def test_every_form_of_every_page_carries_the_token_of_its_session(
    api: Api, visitor: Visitor, role: str
) -> None:
    trigger_id = factories.trigger(api.database)
    factories.execution(api.database, trigger_id, "failed")
    visitor.log_in(api.token(role))

    for page in DECLARED:
        if page.method == "GET" and page.route != "/login":
            text = visitor.get(path_of(page.route)).text
            for form in re.findall(r'<form method="post".*?</form>', text, re.S):
                assert f'name="csrf_token" value="{visitor.csrf}"' in form, page.route


def test_a_refused_page_is_a_page_with_a_way_on(visitor: Visitor, viewer: str) -> None:
    visitor.log_in(viewer)

    answer = visitor.get("/tokens")

    assert answer.status_code == 403
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "this needs the role admin" in answer.text
    assert '<a href="/executions"' in answer.text
    assert '<a href="/tokens"' not in answer.text


def test_what_is_not_there_is_a_page_for_a_browser_and_json_for_a_program(
    client: testing.TestClient,
) -> None:
    as_browser = client.simulate_get("/nothing", headers={"Accept": "text/html,*/*"})
    as_program = client.simulate_get("/api/nothing", headers={"Accept": "text/html,*/*"})

    assert (as_browser.status_code, as_program.status_code) == (404, 404)
    assert as_browser.headers["Content-Type"].startswith("text/html")
    assert as_program.json["error"] == "not_found"


def test_a_trigger_is_made_with_everything_the_form_has(api: Api, ada: Visitor) -> None:
    form = {
        "name": "Everything",
        "type": "webhook",
        "source": "github",
        "secret": "a known secret",
        "event_filter": '{"action": "opened"}',
        "idempotency_key_from": "provider\r\nbody:id\r\n\r\n",
        "missing_key": "refuse",
        "tolerance_seconds": "12.5",
        "action_type": "http",
        "action_payload": "https://shop.acme.example/hook",
        "agent": "ada",
        "max_concurrency": "3",
        "keep_payload_seconds": "3600",
        "keep_rows_seconds": "86400",
        "retry_max_attempts": "4",
        "retry_base_seconds": "0.5",
        "remote_trigger_id": "r-1",
        "source_plugin": "shop",
    }

    answer = ada.post("/triggers", form)

    assert answer.status_code == 201
    assert 'value="a known secret"' in answer.text
    with api.database.reading() as connection:
        made = lookup.find_trigger(connection, "Everything")
    assert made.idempotency_key_from == '["provider", "body:id"]'
    assert json.loads(made.retry_policy) == {"max_attempts": 4, "base_seconds": 0.5}
    assert (made.tolerance_seconds, made.max_concurrency) == (12.5, 3)
    assert (made.keep_payload_seconds, made.keep_rows_seconds) == (3600, 86_400)
    assert (made.missing_key, made.agent, made.event_filter) == (
        "refuse",
        "ada",
        '{"action": "opened"}',
    )
    assert not made.enabled  # the box was not ticked


@pytest.mark.parametrize(
    ("field", "text", "status", "said"),
    [
        ("name", "", 422, "name is missing"),
        ("name", "taken", 409, "there is a trigger named"),
        ("action_payload", "", 422, "a trigger needs a payload"),
        ("event_filter", "{not json", 422, "the event filter is not JSON"),
        ("max_concurrency", "many", 422, "max_concurrency must be a whole number"),
        ("tolerance_seconds", "nan", 422, "such as 90s, 5m, 12h or 30d"),
        ("retry_max_attempts", "0", 422, "max_attempts of the retry policy"),
        ("idempotency_key_from", "somewhere", 422, "is not a part of a key"),
        ("source", "nobody", 422, "there is no source"),
        ("secret", "s" * 256, 422, "secret must have"),
        ("name", "a\x00b", 422, "cannot be stored"),
    ],
)
def test_a_form_that_cannot_work_comes_back_filled_with_what_is_wrong(
    api: Api, ada: Visitor, field: str, text: str, status: int, said: str
) -> None:
    factories.trigger(api.database, name="taken", slug="taken")
    form = {"name": "Mine & <mine>", "type": "webhook", "source": "custom"}
    form |= {"action_type": "script", "action_payload": "hello"}

    answer = ada.post("/triggers", form | {field: text})

    assert answer.status_code == status
    assert said in answer.text
    if field != "name":
        assert 'value="Mine &amp; &lt;mine&gt;"' in answer.text
    assert api.changes("trigger.add") == []


def test_an_edit_sends_only_what_was_changed(api: Api, ada: Visitor) -> None:
    trigger_id = factories.trigger(
        api.database, event_filter='{ "a" : "b" }', source="found-elsewhere", action_payload="x y"
    )
    form = form_of(ada, trigger_id)

    answer = ada.post(f"/triggers/{trigger_id}/edit", form | {"agent": "grace"})

    assert answer.status_code == 303
    (change,) = api.changes("trigger.update")
    assert set(json.loads(change.after)) == {"agent", "updated_at"}


def test_an_edit_that_changes_nothing_keeps_every_oddity(api: Api, ada: Visitor) -> None:
    odd = {"event_filter": '{"a":  [1]}', "retry_policy": "{}", "tolerance_seconds": 0.1}
    trigger_id = factories.trigger(api.database, **odd)

    ada.post(f"/triggers/{trigger_id}/edit", form_of(ada, trigger_id))

    with api.database.reading() as connection:
        row = lookup.find_trigger(connection, trigger_id)
    assert {name: row._mapping[name] for name in odd} == odd


def test_a_masked_secret_of_an_action_stays_as_it_is(api: Api, ada: Visitor) -> None:
    options = {"url": "https://a.acme.example", "headers": {"X-Api-Key": "k-123"}}
    trigger_id = factories.trigger(
        api.database, action_type="http", action_payload=json.dumps(options)
    )
    form = form_of(ada, trigger_id)
    assert "k-123" not in form["action_payload"]

    form["action_payload"] = form["action_payload"].replace("acme.example", "acme.example/in")
    ada.post(f"/triggers/{trigger_id}/edit", form)

    with api.database.reading() as connection:
        row = lookup.find_trigger(connection, trigger_id)
    assert json.loads(row.action_payload) == options | {"url": "https://a.acme.example/in"}


def test_the_form_asks_for_a_masked_secret_where_the_target_changes(api: Api, ada: Visitor) -> None:
    options = {"url": "https://a.acme.example", "headers": {"X-Api-Key": "k-123"}}
    trigger_id = factories.trigger(
        api.database, action_type="http", action_payload=json.dumps(options)
    )
    form = form_of(ada, trigger_id)

    form["action_payload"] = form["action_payload"].replace("a.acme", "b.acme")
    answer = ada.post(f"/triggers/{trigger_id}/edit", form)

    assert "give the secret anew: X-Api-Key" in answer.text
    with api.database.reading() as connection:
        row = lookup.find_trigger(connection, trigger_id)
    assert json.loads(row.action_payload) == options


def test_a_trigger_is_disabled_and_enabled(api: Api, ada: Visitor) -> None:
    trigger_id = factories.trigger(api.database)

    for word, enabled in (("no", False), ("yes", True)):
        ada.post(f"/triggers/{trigger_id}/enabled", {"enabled": word})
        with api.database.reading() as connection:
            assert lookup.find_trigger(connection, trigger_id).enabled is enabled


def test_a_part_of_a_page_is_the_part_alone(ada: Visitor) -> None:
    whole, part = ada.get("/executions").text, ada.get("/executions", **{"X-Part": "live"}).text
    other = ada.get("/executions", **{"X-Part": "main"}).text

    assert "<html" in whole
    assert "<html" not in part
    assert part.strip() in whole
    assert "<html" in other


def test_a_list_that_was_looked_through_without_a_hit_says_so_and_leads_on(
    ada: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "SCAN_ROWS", 1)

    first = ada.get("/audit?actor=nobody").text
    (further,) = re.findall(r'href="(/audit\?before_id=[^"]*)" rel="next"', first)
    last = ada.get(unescape(further)).text

    assert "continues the search" in first
    assert "No changes match." in last


def test_nothing_of_a_page_is_inline_or_from_elsewhere(api: Api, ada: Visitor) -> None:
    trigger_id = factories.trigger(api.database)
    factories.execution(api.database, trigger_id, "failed")

    for page in DECLARED:
        if page.method != "GET":
            continue
        answer = ada.get(path_of(page.route))
        if answer.headers["Content-Type"].startswith("text/html"):
            assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=", answer.text)
            assert re.findall(r'(?:src|href|action)="(?!/|#)[^"]*', answer.text) == []
            assert "'unsafe" not in answer.headers["Content-Security-Policy"]


def test_static_files_are_kept_for_ever_by_their_version_alone(
    client: testing.TestClient, ada: Visitor
) -> None:
    (address,) = re.findall(r'href="(/static/hookonce.css[^"]*)"', ada.get("/").text)

    assert "immutable" in client.simulate_get(address).headers["Cache-Control"]
    assert client.simulate_get("/static/hookonce.css").headers["Cache-Control"] == "no-cache"
    assert client.simulate_get("/static/hookonce.css?v=1").headers["Cache-Control"] == "no-cache"
    assert client.simulate_get("/static/nothing.css").status_code == 404
    assert client.simulate_get("/static/..%2f__init__.py").status_code == 404


def test_every_status_has_a_look_of_its_own_or_the_plain_one() -> None:
    styles = (ROOT / "app" / "web" / "static" / "hookonce.css").read_text()
    plain = {"pending"}

    assert {status for status in STATUSES if f".status.{status}" not in styles} == plain


def test_the_package_carries_templates_and_static_files(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        wheel = buildapi.build_wheel(str(tmp_path))

    names = zipfile.ZipFile(tmp_path / wheel).namelist()
    for folder in ("templates", "static"):
        kept = {path.name for path in (ROOT / "app" / "web" / folder).iterdir()}
        assert {f"app/web/{folder}/{name}" for name in kept} <= set(names)


def form_of(visitor: Visitor, trigger_id: int) -> dict[str, str]:
    """Return the fields of the edit form as a browser submits them unchanged."""
    text = visitor.get(f"/triggers/{trigger_id}/edit").text
    fields = dict(re.findall(r'<input id="[^"]*" name="([^"]*)"[^>]*? value="([^"]*)"', text))
    fields |= dict(
        re.findall(r'<textarea[^>]* name="([^"]*)"[^>]*>\n?(.*?)</textarea>', text, re.S)
    )
    for name, options in re.findall(r'<select[^>]* name="([^"]*)".*?>(.*?)</select>', text, re.S):
        chosen = re.findall(r'value="([^"]*)" selected', options)
        fields[name] = chosen[0] if chosen else re.findall(r'value="([^"]*)"', options)[0]
    return {name: unescape(value) for name, value in fields.items()}


def test_what_is_shown_of_an_execution_is_a_link_to_the_others_like_it(
    ada: Visitor, database: Database
) -> None:
    trigger_id = factories.trigger(database, source="github")
    event = json.dumps({"event_type": "pu&sh", "data": {}})
    execution_id = factories.execution(database, trigger_id, "failed", event_data=event)
    with database.writing() as connection:
        values = {"execution_id": execution_id, "trigger_id": trigger_id, "number": 1}
        values |= {"worker": "w", "http_status": 503}
        connection.execute(sa.insert(execution_attempts).values(started_at=utc_now(), **values))

    shown = unescape(ada.get(f"/executions/{execution_id}").text)
    listed = unescape(ada.get("/executions?status=failed").text)
    trigger, triggers = ada.get(f"/triggers/{trigger_id}").text, ada.get("/triggers").text

    assert 'href="/executions?event_type=pu%26sh"' in shown
    assert 'href="/executions?http_status=503"' in shown
    assert re.search(
        rf'href="/executions\?[^"]*trigger_id={trigger_id}[^"]*" aria-label="Only', listed
    )
    assert 'href="/triggers?source=github"' in trigger
    assert 'href="/triggers?source=github"' in triggers


def test_the_times_of_a_waiting_reason_are_those_of_the_page(
    ada: Visitor, database: Database
) -> None:
    factories.worker(database)
    waiting = factories.execution(
        database,
        factories.trigger(database),
        "retrying",
        next_attempt_at=datetime(2999, 1, 31, 23, 59, 59, 123456, tzinfo=UTC),
    )

    page = ada.get(f"/executions/{waiting}").text

    reason = re.search(r'<dd dir="auto" id="waiting-because".*?</dd>', page, re.DOTALL)
    assert reason is not None
    assert (
        '<time datetime="2999-01-31T23:59:59.123456Z">2999-01-31 23:59:59</time> UTC' in reason[0]
    )

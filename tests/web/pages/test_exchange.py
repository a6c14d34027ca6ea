"""The page, the API and the commands show what an attempt really sent and got back."""

import json
import logging
import re
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from falcon import testing

from app import cli
from app.db.models import execution_attempts, trigger_executions
from app.intake import sources
from app.settings import Settings
from app.triggers import manage
from app.web.pages.executions import UNFOLDING_AT_MOST
from app.worker.loop import Worker
from tests.support import factories
from tests.support.api import Api
from tests.support.sink import Sink, listening
from tests.support.visitor import Visitor

OF_CONNECTION = {"host", "content-length", "connection"}
ROW = re.compile(r'<th scope="row"><code dir="auto">([^<]*)</code></th><td><code[^>]*>([^<]*)<')
MASK = "********"


@pytest.fixture
def visitor(client: testing.TestClient, viewer: str) -> Visitor:
    made = Visitor(client)
    made.log_in(viewer)
    return made


@pytest.fixture
def printed(database_url: str) -> Iterator[Callable[..., str]]:
    """Return a function that runs a command and returns its output; its logging ends here."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def run(*arguments: str) -> str:
        return CliRunner().invoke(cli.main, arguments, env={"DATABASE_URL": database_url}).output

    yield run
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def sent(api: Api, settings: Settings) -> tuple[int, Any]:
    """Run an attempt of a trigger that is changed afterwards; return the execution and the request.

    The target repeats a secret of the action in a header and in its body.
    """
    with listening() as sink:
        return _sent(api, settings, sink)


def _sent(api: Api, settings: Settings, sink: Sink) -> tuple[int, Any]:
    sink.body, sink.headers = b"answer to k-canary", {"X-Request-Id": "k-canary", "X-Node": "n-1"}
    options = {"url": f"{sink.url}/in?code=q-canary", "headers": {"X-Api-Key": "k-canary"}}
    trigger_id = factories.trigger(
        api.database, source="github", action_type="http", action_payload=json.dumps(options)
    )
    execution_id = factories.execution(api.database, trigger_id)
    headers = {"x-github-event": "push", "x-other": "stays here"}
    factories.request_of(api.database, execution_id, b"{}", "text/plain", json.dumps(headers))
    Worker(api.database, settings, event_headers=sources.event_headers()).run_once()
    manage.update_trigger(api.database, trigger_id, {"action_payload": "https://later.test/"})
    (received,) = sink.received
    return execution_id, received


def unfolded(page: str, number: int = 1) -> str:
    return page.partition(f'data-keep="exchange-{number}"')[2].partition("</details>")[0]


def test_the_page_shows_the_headers_that_the_target_got(
    visitor: Visitor, sent: tuple[int, Any]
) -> None:
    execution_id, received = sent

    page = visitor.get(f"/executions/{execution_id}").text

    part, _, answer = unfolded(page).partition("Response</h3>")
    shown = {unescape(name).lower(): unescape(value) for name, value in ROW.findall(part)}
    got = {name.lower(): value for name, value in received.headers.items()}
    assert set(shown) == set(got) - OF_CONNECTION
    masked = {"webhook-signature", "x-api-key"}
    assert {shown[name] for name in masked} == {MASK}
    assert all(shown[name] == got[name] for name in set(shown) - masked)
    assert f"/in?code={MASK}" in part
    assert "later.test" not in part
    assert "HTTP 200" in answer
    assert "answer to ***" in answer
    assert "canary" not in page
    live = visitor.get(f"/executions/{execution_id}", **{"X-Part": "live"})
    assert (live.status_code, unfolded(live.text)) == (200, unfolded(page))


def test_the_api_the_command_and_the_export_say_the_same(
    api: Api, viewer: str, sent: tuple[int, Any], printed: Callable[..., str]
) -> None:
    execution_id, received = sent

    shown = api.ask("GET", f"/api/triggers/executions/{execution_id}", viewer).json
    (attempt,) = shown["attempts"]
    (told,) = json.loads(printed("execution", "show", str(execution_id), "--json"))["attempts"]
    (line,) = printed("execution", "export").splitlines()
    (exported,) = json.loads(line)["attempts"]
    words = printed("execution", "show", str(execution_id))

    assert attempt["sent"] == told["sent"] == exported["sent"]
    assert attempt["response"] == told["response"] == exported["response"]
    assert (attempt["sent"]["body"], attempt["sent"]["body_from"]) == ("{}", "request")
    assert attempt["sent"]["headers"]["X-GitHub-Event"] == received.headers["X-GitHub-Event"]
    assert attempt["response"]["headers"]["X-Request-Id"] == "***"
    assert f"POST {attempt['sent']['url']}" in words
    assert "X-GitHub-Event: push" in words
    assert "HTTP 200\n" in words
    assert "canary" not in f"{shown}{told}{line}{words}"
    assert "sent_body" not in f"{shown}{told}{line}"


def test_a_script_shows_its_command_and_exit(
    api: Api, visitor: Visitor, settings: Settings
) -> None:
    scripts = settings.hookonce_scripts_dir
    scripts.mkdir(exist_ok=True)
    script = scripts / "fail.sh"
    script.write_text("#!/bin/sh\nexit 4\n")
    script.chmod(0o755)
    trigger_id = factories.trigger(api.database, action_payload="fail.sh --token t-canary")
    execution_id = factories.execution(api.database, trigger_id)
    Worker(api.database, settings).run_once()

    part = unfolded(visitor.get(f"/executions/{execution_id}").text)

    assert f"fail.sh --token {MASK}" in part
    assert "Exit status 4." in part


def test_an_attempt_without_a_record_says_so(api: Api, visitor: Visitor) -> None:
    execution_id = factories.execution(api.database, factories.trigger(api.database), "failed")
    insert(api, execution_id, 1, "failed")
    insert(api, execution_id, 2, "lost")

    page = visitor.get(f"/executions/{execution_id}").text

    assert "Nothing was sent, or it was not recorded." in page
    assert "Its worker ended before it could record what was sent." in page


def test_a_page_unfolds_only_the_newest_of_many_attempts(api: Api, visitor: Visitor) -> None:
    execution_id = factories.execution(api.database, factories.trigger(api.database), "failed")
    record = {"url": "u" * 4_000, "headers": {f"h{n}": "v" * 400 for n in range(9)}}
    for number in range(1, 101):
        insert(api, execution_id, number, "failed", sent=json.dumps(record))

    page = visitor.get(f"/executions/{execution_id}").text

    assert page.count('<details data-keep="exchange-') == UNFOLDING_AT_MOST
    assert 'data-keep="exchange-100"' in page
    assert len(page) < 300_000


def insert(api: Api, execution_id: int, number: int, outcome: str, **more: str) -> None:
    now = factories.LONG_AGO
    values = {"execution_id": execution_id, "number": number, "worker": "w", "started_at": now}
    with api.database.writing() as connection:
        of = sa.select(trigger_executions.c.trigger_id).where(
            trigger_executions.c.id == execution_id
        )
        values["trigger_id"] = connection.execute(of).scalar_one()
        attempt = values | {"finished_at": now, "outcome": outcome} | more
        connection.execute(sa.insert(execution_attempts).values(attempt))

"""The page of an execution shows the request that its action really sends, without secrets."""

import json
import re
from html import unescape

from falcon import testing

from app.intake import sources
from app.settings import Settings
from app.worker.loop import Worker
from tests.support import factories
from tests.support.api import Api
from tests.support.sink import listening
from tests.support.visitor import Visitor

OF_CONNECTION = {"host", "content-length", "connection"}
ROW = re.compile(r'<th scope="row"><code dir="auto">([^<]*)</code></th><td><code[^>]*>([^<]*)<')


def shown(visitor: Visitor, execution_id: int) -> dict[str, str]:
    page = visitor.get(f"/executions/{execution_id}").text
    part = page.partition('data-keep="outgoing"')[2].partition("</details>")[0]
    return {unescape(name).lower(): unescape(value) for name, value in ROW.findall(part)}


def test_the_headers_shown_are_those_that_the_target_gets(
    api: Api, client: testing.TestClient, viewer: str, settings: Settings
) -> None:
    with listening() as sink:
        sink.body = b"answer of the target"
        options = {"url": sink.url, "headers": {"X-Api-Key": "k-canary", "X-Team": "shop"}}
        trigger_id = factories.trigger(
            api.database, source="github", action_type="http", action_payload=json.dumps(options)
        )
        execution_id = factories.execution(api.database, trigger_id)
        sent = {"x-github-event": "push", "x-other": "stays here"}
        factories.request_of(api.database, execution_id, b"{}", "text/plain", json.dumps(sent))
        Worker(api.database, settings, event_headers=sources.event_headers()).run_once()
        visitor = Visitor(client)
        visitor.log_in(viewer)

        headers = shown(visitor, execution_id)

        (received,) = sink.received
        got = {name.lower(): value for name, value in received.headers.items()}
    assert set(headers) == set(got) - OF_CONNECTION
    made = {"webhook-timestamp", "webhook-signature", "hookonce-attempt", "x-api-key", "x-team"}
    assert {n: v for n, v in headers.items() if n not in made} == {
        n: v for n, v in got.items() if n not in OF_CONNECTION | made
    }
    page = visitor.get(f"/executions/{execution_id}").text
    assert "HTTP 200 answer of the target" in page
    assert "k-canary" not in page


def test_another_action_has_no_such_request(
    api: Api, client: testing.TestClient, viewer: str
) -> None:
    execution_id = factories.execution(api.database, factories.trigger(api.database))
    visitor = Visitor(client)
    visitor.log_in(viewer)

    assert "Request to the target" not in visitor.get(f"/executions/{execution_id}").text

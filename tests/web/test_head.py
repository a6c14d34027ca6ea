"""HEAD answers as GET does, everywhere, with the same status and headers and without a body."""

import pytest
from falcon import testing

from tests.support import factories
from tests.support.api import Api
from tests.support.visitor import Visitor

PUBLIC = ["/healthz", "/readyz", "/metrics", "/openapi.json", "/login", "/nowhere"]
PRIVATE = ["/api/triggers", "/api/triggers/1", "/api/triggers/999", "/api/tokens", "/api/dead"]
PAGES = ["/", "/triggers", "/triggers/1", "/executions", "/deliveries", "/dead", "/docs", "/audit"]
CHANGING = {"date", "x-request-id", "set-cookie", "content-length"}
"""Headers that differ from one response to the next; a time in a page may change its length."""


def same(got: testing.Result, head: testing.Result) -> bool:
    kept = [
        {
            name.lower(): value
            for name, value in each.headers.items()
            if name.lower() not in CHANGING
        }
        for each in (got, head)
    ]
    return got.status_code == head.status_code and kept[0] == kept[1] and head.content == b""


@pytest.mark.parametrize("path", [*PUBLIC, *PRIVATE, *PAGES])
@pytest.mark.parametrize("known", [True, False], ids=["a viewer", "a stranger"])
def test_head_is_get_without_its_body(
    client: testing.TestClient, api: Api, viewer: str, path: str, known: bool
) -> None:
    factories.trigger(api.database)
    visitor = Visitor(client)
    if known:
        visitor.log_in(viewer)
    cookies = {"Cookie": "; ".join(f"{k}={v}" for k, v in visitor.cookies.items())}

    got = client.simulate_get(path, headers=cookies)
    head = client.simulate_head(path, headers=cookies)

    assert same(got, head), (got.status, got.headers, head.status, head.headers)


def test_head_of_a_webhook_address_is_the_answer_to_get(
    client: testing.TestClient, api: Api
) -> None:
    number = factories.trigger(api.database)
    path = f"/api/triggers/webhook/{number}"

    assert same(client.simulate_get(path), client.simulate_head(path))

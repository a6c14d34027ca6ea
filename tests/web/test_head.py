"""HEAD answers as GET does, with the same status and headers and without a body.

The exception is an address of a webhook: a GET without a verification request is refused there.
"""

import pytest
from falcon import testing

from tests.support import factories, samples
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


@pytest.mark.parametrize("source", ["whatsapp", "github"])
@pytest.mark.parametrize("token", ["x" * 32, samples.SECRET])
def test_head_of_a_verification_request_is_the_answer_to_get(
    client: testing.TestClient, api: Api, source: str, token: str
) -> None:
    number = factories.trigger(api.database, source=source)
    path = f"/api/triggers/webhook/{number}"
    asked = {"hub.mode": "subscribe", "hub.verify_token": token, "hub.challenge": "1"}

    got, head = (ask(path, params=asked) for ask in (client.simulate_get, client.simulate_head))

    assert got.status_code == (200 if (source, token) == ("whatsapp", samples.SECRET) else 403)
    assert same(got, head)

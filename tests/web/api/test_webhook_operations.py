"""The answers of a webhook's address are those that the OpenAPI document describes."""

import json

import pytest
from falcon import testing

from app.db import Database
from app.errors import DatabaseUnavailable
from app.intake.group_commit import GroupCommit
from app.settings import Settings
from app.triggers.address import WEBHOOKS
from app.web.api import router
from app.web.application import create_app
from tests.support import factories, samples

DESCRIBED = router.document()["paths"][f"{WEBHOOKS}{{trigger_id}}"]
JSON = {"Content-Type": "application/json"}


def described(answer: testing.Result, method: str) -> bool:
    """Return True if the status is described with the headers that tell when to come again."""
    answers = DESCRIBED[method]["responses"]
    named = answers.get(str(answer.status_code), {}).get("headers", {})
    return str(answer.status_code) in answers and ("Retry-After" in answer.headers) == bool(named)


@pytest.fixture
def address(database: Database) -> str:
    return f"{WEBHOOKS}{factories.trigger(database, missing_key='refuse')}"


def test_every_answer_to_a_post_is_described(
    settings: Settings, database: Database, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = testing.TestClient(create_app(settings, database))
    signed = [
        samples.json_request("custom", {"id": 1, "messageId": "m-1"}),
        samples.json_request("custom", {"no": "key"}),
        samples.signed("custom", samples.Sent(JSON, b'{"a": ')),
        samples.signed("custom", samples.Sent(JSON, b"x" * (settings.hookonce_max_body_bytes + 1))),
    ]
    compressed = {**JSON, "Content-Encoding": "gzip"}

    answers = [client.simulate_post(address, headers=one.headers, body=one.body) for one in signed]
    answers.append(client.simulate_post(address, headers=JSON, body=b"{}"))
    answers.append(client.simulate_post(address, headers=compressed, body=b"{}"))

    def unavailable(*_: object) -> None:
        raise DatabaseUnavailable("the database is away")

    monkeypatch.setattr(GroupCommit, "__call__", unavailable)
    answers.append(client.simulate_post(address, headers=signed[0].headers, body=signed[0].body))

    statuses = [answer.status_code for answer in answers]
    assert statuses == [200, 422, 400, 413, 401, 415, 503]
    assert [each.status for each in answers if not described(each, "post")] == []
    example = DESCRIBED["post"]["responses"]["200"]["content"]["application/json"]["example"]
    assert json.loads(answers[0].content) == example


@pytest.mark.parametrize(
    ("method", "query", "status"),
    [("get", "", 405), ("get", "hub.mode=subscribe", 403), ("head", "", 200)],
)
def test_every_answer_to_another_method_is_described(
    client: testing.TestClient, address: str, method: str, query: str, status: int
) -> None:
    answer = client.simulate_request(method.upper(), address, query_string=query)

    assert answer.status_code == status
    assert described(answer, method)

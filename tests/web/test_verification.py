"""A trigger that describes its sender: in the API, the form and the webhook, on both databases."""

import json
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from falcon import testing

from app import clock
from app.db import Database
from app.db.models import triggers
from app.intake import verification
from app.settings import Settings
from app.web.application import create_app
from tests.support import factories
from tests.support.api import Api
from tests.support.in_process_sender import post
from tests.support.samples import SECRET, Sent
from tests.support.visitor import Visitor

DESCRIBED = {
    "method": "hmac",
    "header": "Acme-Signature",
    "algorithm": "sha512",
    "encoding": "base64url",
    "prefix": "v1=",
    "signed": "{timestamp}.{url}.{body}",
    "timestamp_header": "Acme-Time",
    "timestamp_unit": "ms",
}
NONE = {"method": "none", "allow": ["192.0.2.0/24"]}
BODY = b'{"messageId": "m-1"}'
NEW = {"name": "Acme", "action_payload": "x.sh", "secret": SECRET}


def signed(trigger_id: int, description: dict[str, Any] = DESCRIBED) -> Sent:
    url = f"http://127.0.0.1:8000/api/triggers/webhook/{trigger_id}"
    verifier = verification.read(description)
    return Sent(verifier.sign(SECRET, BODY, clock.now().timestamp(), url), BODY)


def made(api: Api, token: str, **fields: Any) -> Any:
    answer = api.ask("POST", "/api/triggers", token, json=NEW | fields)
    assert answer.status_code == 201, answer.text
    return answer.json


def described(database: Database, description: dict[str, Any], **columns: Any) -> int:
    return factories.trigger(database, verification=json.dumps(description), **columns)


def test_the_api_keeps_and_shows_a_description_and_the_webhook_verifies_by_it(
    api: Api, operator: str
) -> None:
    trigger = made(api, operator, verification=DESCRIBED)
    path = f"/api/triggers/{trigger['id']}"
    sent = signed(trigger["id"])

    assert trigger["verification"] == DESCRIBED
    assert api.ask("GET", path, operator).json["verification"] == DESCRIBED
    assert post(api.client, trigger["id"], sent).status_code == 200
    assert post(api.client, trigger["id"], replace(sent, body=BODY + b" ")).status_code == 401
    assert post(api.client, trigger["id"], replace(sent, query={"a": "b"})).status_code == 401


def test_null_returns_to_the_verification_of_the_source(api: Api, operator: str) -> None:
    trigger = made(api, operator, verification=DESCRIBED)
    answer = api.ask(
        "PATCH", f"/api/triggers/{trigger['id']}", operator, json={"verification": None}
    )
    assert (answer.status_code, answer.json["verification"]) == (200, None)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"verification": DESCRIBED | {"signed": "{body}"}}, "signed must have {timestamp}"),
        ({"verification": {}}, "method must be one of"),
        ({"verification": DESCRIBED, "source": "github"}, "verification is for source 'custom'"),
        (
            {"verification": {"method": "jwt", "algorithm": "HS256"}, "secret": "-----BEGIN X"},
            "must not be a PEM key",
        ),
        (
            {"verification": {"method": "hmac", "header": "S", "secret_encoding": "hex"}},
            "the secret must be hex",
        ),
    ],
)
def test_a_mistake_is_refused_with_a_sentence_when_the_trigger_is_made(
    api: Api, operator: str, fields: dict[str, Any], sentence: str
) -> None:
    answer = api.ask("POST", "/api/triggers", operator, json=NEW | fields)
    assert answer.status_code == 422
    assert sentence in answer.json["detail"]
    assert SECRET not in answer.text


def test_a_change_is_checked_against_the_secret_and_the_source_that_stay(
    api: Api, operator: str
) -> None:
    path = f"/api/triggers/{made(api, operator)['id']}"
    encoded = {"method": "hmac", "header": "S", "secret_encoding": "hex"}

    refused = api.ask("PATCH", path, operator, json={"verification": encoded})
    assert (refused.status_code, "secret must be hex" in refused.text) == (422, True)
    assert api.ask("PATCH", path, operator, json={"verification": NONE}).status_code == 200
    refused = api.ask("PATCH", path, operator, json={"source": "github"})
    assert (refused.status_code, "verifies in its own way" in refused.text) == (422, True)


def test_the_form_shows_and_saves_a_description(
    api: Api, client: testing.TestClient, operator: str, database: Database
) -> None:
    visitor = Visitor(client)
    visitor.log_in(operator)
    trigger_id = made(api, operator)["id"]

    visitor.get(f"/triggers/{trigger_id}/edit")
    fields = {"name": "Acme", "action_payload": "x.sh", "verification": json.dumps(DESCRIBED)}
    fields |= {"source": "custom", "type": "webhook", "action_type": "script"}
    saved = visitor.post(f"/triggers/{trigger_id}/edit", fields)
    assert saved.status_code == 303, saved.text
    assert stored(database, trigger_id) == DESCRIBED
    assert "Acme-Signature" in visitor.get(f"/triggers/{trigger_id}").text
    assert "Acme-Signature" in visitor.get(f"/triggers/{trigger_id}/edit").text


def stored(database: Database, trigger_id: int) -> Any:
    query = sa.select(triggers.c.verification).where(triggers.c.id == trigger_id)
    with database.reading() as connection:
        return json.loads(connection.execute(query).scalar_one())


def test_a_trigger_that_verifies_nothing_is_warned_of_everywhere(
    api: Api, client: testing.TestClient, operator: str, caplog: pytest.LogCaptureFixture
) -> None:
    visitor = Visitor(client)
    visitor.log_in(operator)

    trigger = made(api, operator, verification=NONE)

    assert "NOTHING IS VERIFIED" in trigger["warnings"][0]
    assert "NOTHING IS VERIFIED" in visitor.get(f"/triggers/{trigger['id']}").text
    assert any("nothing_verified" in record.getMessage() for record in caplog.records)
    assert made(api, operator, name="Other", verification=DESCRIBED)["warnings"] == []


@pytest.mark.parametrize(
    ("proxies", "forwarded", "peer", "status"),
    [
        (0, "192.0.2.7", "192.0.2.1", 200),
        (0, "192.0.2.7", "198.51.100.1", 401),
        (1, "192.0.2.7", "198.51.100.1", 200),
        (1, "192.0.2.7, 198.51.100.9", "192.0.2.1", 401),
        (1, "", "198.51.100.1", 401),
        (2, "192.0.2.7, 198.51.100.9", "198.51.100.1", 200),
    ],
)
def test_the_address_is_read_behind_the_configured_proxies(
    settings: Settings, database: Database, proxies: int, forwarded: str, peer: str, status: int
) -> None:
    app = create_app(replace(settings, hookonce_proxy_count=proxies), database)
    trigger_id = described(database, NONE)
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}

    answer = post(
        testing.TestClient(app), trigger_id, Sent(headers, BODY), extras={"REMOTE_ADDR": peer}
    )

    assert answer.status_code == status


def test_the_previous_secret_is_valid_for_its_time(
    client: testing.TestClient, database: Database
) -> None:
    trigger_id = described(
        database,
        DESCRIBED,
        secret="the new one",
        previous_secret=SECRET,
        previous_secret_expires_at=clock.now().replace(year=2999),
    )
    assert post(client, trigger_id, signed(trigger_id)).status_code == 200


def test_a_description_that_cannot_be_read_asks_the_sender_to_come_again(
    client: testing.TestClient, database: Database
) -> None:
    """Neither the source's own way nor none may take its place."""
    trigger_id = factories.trigger(database, verification='{"method": "of a later version"}')

    answer = post(client, trigger_id, Sent({}, BODY))

    assert answer.status_code == 503
    assert "Retry-After" in answer.headers
    assert factories.executions(database) == []


def test_the_event_of_an_unknown_source_keeps_its_name(
    client: testing.TestClient, database: Database
) -> None:
    trigger_id = described(database, DESCRIBED, source="of an older system")

    assert post(client, trigger_id, signed(trigger_id)).status_code == 200

    (execution,) = factories.executions(database)
    assert json.loads(execution.event_data)["source"] == "of an older system"
    assert execution.idempotency_key == "m-1"

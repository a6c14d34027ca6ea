"""ClickUp: the signature, and the history ids that identify events."""

from dataclasses import replace

import pytest

from app.errors import Unverified
from app.intake import parse
from app.intake.message import Event
from app.intake.sources.clickup import SOURCE
from tests.support import factories, samples
from tests.support.samples import NOW, SECRET, Sent

STATUS = samples.sample("clickup", "task_status_updated")
WEBHOOK = "7fa3ec74-69a8-4530-a251-8a13730bd204"


def refusal(sent: Sent, secret: str = SECRET) -> str:
    with pytest.raises(Unverified) as caught:
        SOURCE.verify(factories.request(sent), secret, NOW, None)
    return caught.value.reason


def event_of(case: str) -> Event:
    request = factories.request(samples.sample("clickup", case))
    (event,) = SOURCE.events(request, parse.payload(request))
    return event


def key_of(payload: object) -> tuple[str, ...] | None:
    return SOURCE.provider_key(factories.request(Sent()), Event(payload, {}))


def test_the_signature_of_clickups_example_is_verified() -> None:
    # https://developer.clickup.com/docs/webhooksignature has key and body; openssl the digest
    body = (
        b'{"webhook_id":"7689a169-a000-4985-8676-6902b96d6627",'
        b'"event":"taskCreated","task_id":"c0j"}'
    )
    headers = {"X-Signature": "4830bf524f6e29a3e8da953936c6f21c1fea2b9669b825d3e1be293ef3416c8c"}

    SOURCE.verify(factories.request(Sent(headers, body)), "secret", NOW, None)


def test_what_clickup_signed_is_verified() -> None:
    SOURCE.verify(factories.request(samples.signed("clickup", STATUS)), SECRET, NOW, None)


def test_an_altered_body_is_refused() -> None:
    altered = replace(samples.signed("clickup", STATUS), body=STATUS.body.replace(b"1", b"2", 1))

    assert refusal(altered) == "bad_signature"


def test_another_secret_is_refused() -> None:
    assert refusal(samples.signed("clickup", STATUS), "another") == "bad_signature"


@pytest.mark.parametrize("headers", [{}, {"X-Signature": ""}])
def test_without_a_signature_it_is_refused(headers: dict[str, str]) -> None:
    assert refusal(Sent(headers, STATUS.body)) == "missing_signature"


@pytest.mark.parametrize("value", ["sha256=", "0" * 64, "schlüssel", "\udcff"], ids=ascii)
def test_a_malformed_signature_is_refused(value: str) -> None:
    assert refusal(Sent({"X-Signature": value}, STATUS.body)) == "bad_signature"


def test_a_change_of_status_is_normalised() -> None:
    said = dict(event_of("task_status_updated").normalised)

    assert said.pop("data")["history_items"][0]["after"]["status"] == "in progress"
    assert said == {
        "event_type": "taskStatusUpdated",
        "source": "clickup",
        "webhook_id": WEBHOOK,
        "task_id": "1vj38vv",
    }


def test_the_history_identifies_a_change() -> None:
    key = SOURCE.provider_key(factories.request(STATUS), event_of("task_status_updated"))

    assert key == (WEBHOOK, "taskStatusUpdated", "2800787326392370170")


def test_every_item_of_the_history_belongs_to_the_key() -> None:
    payload = {"webhook_id": "w", "event": "taskUpdated", "history_items": [{"id": "1"}, {"id": 2}]}

    assert key_of(payload) == ("w", "taskUpdated", "1", "2")


def test_a_deletion_has_no_id() -> None:
    assert SOURCE.provider_key(factories.request(STATUS), event_of("task_deleted")) is None


@pytest.mark.parametrize(
    "items", [[], [7], [{}], [{"id": None}], [{"id": "1"}, {}], {"id": 1}, "x"]
)
def test_a_history_without_ids_identifies_nothing(items: object) -> None:
    assert key_of({"webhook_id": "w", "event": "taskUpdated", "history_items": items}) is None


def test_clickup_is_keyed_by_its_own_id() -> None:
    assert SOURCE.keyed_by_default

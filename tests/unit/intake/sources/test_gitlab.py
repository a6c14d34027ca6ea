"""GitLab: verified by token or by signature; events and keys of its webhooks."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Unverified
from app.intake import parse
from app.intake.message import Event
from app.intake.sources.gitlab import SOURCE
from tests.support import arbitrary, factories, samples
from tests.support.samples import NOW, SECRET, Sent

SIGNING_TOKEN = samples.trigger_secret("standard")
PUSH = samples.sample("gitlab", "push")
PUSH_KEY = ("f5e57ae0-3e1b-4b5c-8f0f-1f7c1a3f5c01",)


def signed(at: int = 0) -> Sent:
    timestamp = str(int((NOW + timedelta(seconds=at)).timestamp()))
    message_id = PUSH.headers["Idempotency-Key"]
    signature = samples.standard_signature(SECRET.encode(), message_id, timestamp, PUSH.body)
    headers = {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": signature,
    }
    return replace(PUSH, headers=PUSH.headers | headers)


def check(sent: Sent, secret: str = SECRET) -> None:
    SOURCE.verify(factories.request(sent), secret, NOW, SOURCE.tolerance_seconds)


def refusal(sent: Sent, secret: str = SECRET) -> str:
    with pytest.raises(Unverified) as caught:
        check(sent, secret)
    return caught.value.reason


def normalised(case: str) -> dict[str, Any]:
    request = factories.request(samples.sample("gitlab", case))
    (event,) = SOURCE.events(request, parse.payload(request))
    return dict(event.normalised)


def key_of(sent: Sent) -> tuple[str, ...] | None:
    return SOURCE.provider_key(factories.request(sent), Event({}, {}))


def test_the_token_is_verified() -> None:
    check(samples.signed("gitlab", PUSH))


def test_the_signature_is_verified() -> None:
    check(signed(), SIGNING_TOKEN)


@pytest.mark.parametrize("token", ["another", SECRET[:-1], SECRET + " ", "schlüssel", "\udcff"])
def test_another_token_is_refused(token: str) -> None:
    sent = replace(PUSH, headers=PUSH.headers | {"X-Gitlab-Token": token})

    assert refusal(sent) == "bad_signature"


@pytest.mark.parametrize("headers", [{}, {"X-Gitlab-Token": ""}])
def test_without_a_token_it_is_refused(headers: dict[str, str]) -> None:
    assert refusal(Sent(headers, PUSH.body)) == "missing_signature"


def test_an_altered_body_is_refused_where_it_is_signed() -> None:
    assert refusal(replace(signed(), body=PUSH.body + b" "), SIGNING_TOKEN) == "bad_signature"


def test_a_stale_signature_is_refused() -> None:
    assert refusal(signed(at=-301), SIGNING_TOKEN) == "stale"


def test_a_signing_token_sent_as_a_token_proves_nothing() -> None:
    sent = replace(PUSH, headers=PUSH.headers | {"X-Gitlab-Token": SIGNING_TOKEN})

    assert refusal(sent, SIGNING_TOKEN) == "missing_signature"


def test_a_push_is_normalised() -> None:
    event = normalised("push")

    assert event.pop("data")["object_kind"] == "push"
    assert event == {
        "event_type": "push",
        "source": "gitlab",
        "action": None,
        "repo": "acme-example/harbour",
        "branch": "feature/mooring",
        "sender": "mika-sample",
    }


def test_a_merge_request_is_normalised() -> None:
    event = normalised("merge_request")

    assert event.pop("data")["object_kind"] == "merge_request"
    assert event == {
        "event_type": "merge_request",
        "source": "gitlab",
        "action": "open",
        "repo": "acme-example/harbour",
        "branch": "feature/mooring",
        "sender": "mika-sample",
    }


@pytest.mark.parametrize(
    ("payload", "headers", "expected"),
    [
        ({"event_name": "project_create"}, {}, "project_create"),
        ({}, {"X-Gitlab-Event": "Resource Access Token Hook"}, "Resource Access Token Hook"),
        ({}, {}, "unknown"),
    ],
    ids=["a system hook", "by its header", "nothing"],
)
def test_the_type_of_an_event_has_three_places(
    payload: object, headers: dict[str, str], expected: str
) -> None:
    (event,) = SOURCE.events(factories.request(Sent(headers)), payload)

    assert event.normalised["event_type"] == expected


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"ref": "refs/heads/main"}, "main"),
        ({"ref": "refs/tags/v1"}, "refs/tags/v1"),
        ({"object_attributes": {"ref": "main"}}, "main"),
    ],
    ids=["a push", "a tag", "a pipeline"],
)
def test_the_branch_of_an_event(payload: object, expected: str) -> None:
    (event,) = SOURCE.events(factories.request(Sent()), payload)

    assert event.normalised["branch"] == expected


def test_the_key_is_the_idempotency_key_and_the_same_once_it_is_signed() -> None:
    assert key_of(PUSH) == key_of(signed()) == PUSH_KEY


def test_an_idempotency_key_beside_a_signature_does_not_count() -> None:
    sent = signed()
    forged = replace(sent, headers=sent.headers | {"Idempotency-Key": "another"})

    check(forged, SIGNING_TOKEN)

    assert key_of(forged) == PUSH_KEY


def test_an_older_gitlab_has_no_key() -> None:
    assert key_of(Sent({"X-Gitlab-Event-UUID": "13792a34"})) is None


@given(
    payload=arbitrary.payloads(
        "object_kind", "event_name", "object_attributes", "project", "user", "ref", "action"
    )
)
def test_no_shape_of_payload_breaks_it(payload: Any) -> None:
    request = factories.request(PUSH)

    (event,) = SOURCE.events(request, payload)

    assert SOURCE.provider_key(request, event) == PUSH_KEY


@given(st.text(), st.binary())
def test_nothing_but_a_refusal_comes_of_anything(token: str, body: bytes) -> None:
    sent = Sent({"X-Gitlab-Token": token}, body)

    assert refusal(sent) in {"missing_signature", "bad_signature"}
    assert refusal(sent, "whsec_" + token) == "missing_signature"


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
@pytest.mark.parametrize("token", ["schlüssel", "ÿ", "plain"])
def test_a_token_beyond_ascii_may_come_in_either_encoding(token: str, encoding: str) -> None:
    header = token.encode(encoding).decode("latin-1")  # as WSGI hands it over

    check(Sent({"X-Gitlab-Token": header}), token)


@pytest.mark.parametrize("token", ["ключ", "\udcff"], ids=ascii)
def test_a_token_beyond_latin_1_comes_as_utf_8(token: str) -> None:
    header = token.encode("utf-8", "surrogatepass").decode("latin-1")

    check(Sent({"X-Gitlab-Token": header}), token)
    assert refusal(Sent({"X-Gitlab-Token": header + "x"}), token) == "bad_signature"

"""The idempotency key: the first place that has one, exactly as the sender wrote it."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.intake import key, parse, sources
from app.intake.message import Event, Request
from app.intake.sources import custom
from tests.support import samples
from tests.support.factories import request

NO_KEYS = [None, True, False, "", [], ["a"], {}, {"a": 1}, 1.5, 0.0]


def key_of(payload: object, normalised: dict[str, object] | None = None) -> str | None:
    event = Event(payload, normalised or custom.normalised("custom", payload))
    return key.of(event, Request("1", {}, b"{}"), custom.SOURCE, ())


def digest(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"idempotency_key": "a"}, "a"),
        ({"messageId": "b"}, "b"),
        ({"data": {"messageId": "c"}}, "c"),
        ({"idempotency_key": "a", "messageId": "b", "data": {"messageId": "c"}}, "a"),
        ({"data": {"messageId": "c"}, "messageId": "b"}, "b"),
        ({"data": {"messageId": "c"}, "idempotency_key": "a"}, "a"),
        ({"data": {"idempotency_key": "a"}, "messageId": "b"}, "b"),
        ({"messageId": 12345678901234567890}, "12345678901234567890"),
        ({"messageId": 0}, "0"),
        ({"messageId": -7}, "-7"),
        ({"messageId": " "}, " "),
        ({"messageId": "Ünïcode 🚢"}, "Ünïcode 🚢"),
    ],
    ids=str,
)
def test_the_first_place_that_has_a_key_wins(payload: object, expected: str) -> None:
    assert key_of(payload) == expected


@pytest.mark.parametrize("nothing", NO_KEYS, ids=repr)
def test_a_value_that_is_neither_text_nor_a_whole_number_is_no_key(nothing: object) -> None:
    assert key_of({"messageId": nothing}) is None


@pytest.mark.parametrize("nothing", NO_KEYS, ids=repr)
def test_after_a_place_without_a_key_the_next_is_searched(nothing: object) -> None:
    payload = {"idempotency_key": nothing, "messageId": nothing, "data": {"messageId": "c"}}

    assert key_of(payload) == "c"


@pytest.mark.parametrize(
    "payload",
    [
        {},
        [],
        [{"messageId": "a"}],
        "messageId",
        7,
        None,
        True,
        {"data": ["messageId"]},
        {"data": 1},
    ],
    ids=repr,
)
def test_a_body_without_the_places_has_no_key(payload: object) -> None:
    assert key_of(payload) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("k" * 255, "k" * 255),
        ("🚢" * 255, "🚢" * 255),
        ("k" * 256, digest("k" * 256)),
        (digest("k" * 256), digest(digest("k" * 256))),
        (digest("k" * 256).upper(), digest("k" * 256).upper()),
        (digest("k" * 256) + "0", digest("k" * 256) + "0"),
        ("a\0b", digest("a\0b")),
        ("\ud800", digest("\ud800")),
        ("\udfff tail", digest("\udfff tail")),
    ],
    ids=[
        "255",
        "255 ships",
        "256",
        "a digest",
        "capitals",
        "longer",
        "NUL",
        "a high surrogate",
        "a low surrogate",
    ],
)
def test_a_key_that_a_database_cannot_store_is_replaced_by_its_digest(
    text: str, expected: str
) -> None:
    assert key_of({"messageId": text}) == expected


def test_two_long_keys_with_the_same_beginning_stay_different() -> None:
    assert key_of({"messageId": "k" * 300 + "a"}) != key_of({"messageId": "k" * 300 + "b"})


def test_the_payload_is_searched_before_the_normalised_event() -> None:
    assert key_of({"messageId": "raw"}, {"messageId": "normalised"}) == "raw"


def test_an_earlier_place_in_the_normalised_event_wins_over_a_later_one_in_the_payload() -> None:
    normalised = {"idempotency_key": "normalised"}

    assert key_of({"messageId": "raw"}, normalised) == "normalised"


def test_the_normalised_event_is_searched_if_the_payload_has_no_key() -> None:
    assert (
        key_of({"item": {"messageId": "x"}}, {"data": {"messageId": "normalised"}}) == "normalised"
    )


@given(st.one_of(st.text(min_size=1), st.integers()))
def test_every_text_and_whole_number_gives_a_key_that_fits(value: str | int) -> None:
    found = key_of({"messageId": value})

    assert found is not None
    assert 0 < len(found) <= key.LONGEST


@pytest.mark.parametrize(
    ("source", "case", "expected"),
    [
        ("custom", "idempotency_key", "order-10442-paid-v1"),
        ("custom", "n8n_whatsapp", "3EB0A1F2C3D4E5F60718"),
        ("custom", "data_message_id", "wamid.HBgNNTUxMTkwMDAwMDAwMRUCABIYFDNFQjA="),
        ("github", "push", None),
        ("github", "pull_request", None),
        ("stripe", "payment_intent_succeeded", None),
        ("stripe", "customer_subscription_deleted", None),
        ("linear", "issue_created", None),
    ],
)
def test_a_sample_has_the_key_that_its_sender_gave_it(
    source: str, case: str, expected: str | None
) -> None:
    source_of_it = sources.named(source)
    sent = request(samples.sample(source, case))
    (event,) = source_of_it.events(sent, parse.payload(sent))

    assert key.of(event, sent, source_of_it, ()) == expected

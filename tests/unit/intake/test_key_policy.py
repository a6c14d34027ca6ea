"""A key is made of its trigger's parts, so that two different events never share one."""

from dataclasses import replace

import pytest

from app.errors import InvalidTrigger
from app.intake import key
from app.intake.message import Event, Request
from app.intake.sources import custom

PAYLOAD = {"id": "evt_1", "a": {"b": "x"}, "n": 7, "yes": True, "one": 1, "float": 1.0}
REQUEST = Request("1", {"x-delivery": "d-1", "x-blank": " "}, b'{"id": "evt_1"}')
SOURCE = replace(custom.SOURCE, provider_key=lambda _request, _event: ("p", "q"))


def key_from(*parts: str, payload: object = None, request: Request = REQUEST) -> str | None:
    said = PAYLOAD if payload is None else payload
    return key.of(Event(said, {"data": said}), request, SOURCE, parts)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (["header:X-Delivery"], "d-1"),
        (["header:x-delivery"], "d-1"),
        (["body:id"], "evt_1"),
        (["body:a.b"], "x"),
        (["body:n"], "7"),
        (["body:data.id"], "evt_1"),
        (["provider"], '["p","q"]'),
        (["body:id", "header:X-Delivery"], '["evt_1","d-1"]'),
        (["provider", "body:n"], '["p","q","7"]'),
        (["none"], None),
    ],
)
def test_each_part_of_a_key_is_found_in_its_place(parts: list[str], expected: str | None) -> None:
    assert key_from(*parts) == expected


@pytest.mark.parametrize(
    "part", ["header:X-Missing", "header:X-Blank", "body:missing", "body:a", "body:id.deeper"]
)
def test_a_key_of_which_a_part_is_missing_is_none(part: str) -> None:
    assert key_from("body:id", part) is None


@pytest.mark.parametrize("name", ["yes", "float"])
def test_a_truth_value_and_a_fraction_are_no_key(name: str) -> None:
    assert key_from(f"body:{name}") is None


def test_the_number_one_and_the_text_one_are_the_same_key() -> None:
    assert key_from("body:k", payload={"k": 1}) == key_from("body:k", payload={"k": "1"}) == "1"


def test_parts_are_joined_so_that_moving_a_letter_between_them_makes_another_key() -> None:
    first = key_from("body:x", "body:y", payload={"x": "a|bc", "y": "d"})
    second = key_from("body:x", "body:y", payload={"x": "a", "y": "bc|d"})

    assert first != second


def test_the_hash_tells_bodies_apart() -> None:
    other = replace(REQUEST, body=b'{"id": "evt_2"}')

    assert key_from("hash") != key_from("hash", request=other)


@pytest.mark.parametrize("body", [b"", b"  \n"])
def test_an_empty_body_has_no_hash(body: bytes) -> None:
    assert key_from("hash", request=replace(REQUEST, body=body)) is None


def test_events_of_one_batch_have_hashes_of_their_own() -> None:
    items = [Event({"n": number}, {}, batched=True) for number in (1, 2)]

    keys = {key.of(item, REQUEST, SOURCE, ("hash",)) for item in items}

    assert len(keys) == 2


def test_a_source_keyed_by_default_uses_its_own_id_before_the_default_places() -> None:
    source = replace(SOURCE, keyed_by_default=True)

    assert key.of(Event({"messageId": "m"}, {}), REQUEST, source, ()) == '["p","q"]'


def test_a_source_keyed_by_default_without_an_id_uses_the_default_places() -> None:
    source = replace(custom.SOURCE, keyed_by_default=True)

    assert key.of(Event({"messageId": "m"}, {}), REQUEST, source, ()) == "m"


@pytest.mark.parametrize("part", ["", "body:", "body:a..b", "header:", "header:a b", "id", "NONE"])
def test_an_unknown_part_of_a_key_is_refused_with_a_sentence(part: str) -> None:
    with pytest.raises(InvalidTrigger, match="is not a part of a key"):
        key.require_valid([part])


def test_none_cannot_be_combined_with_other_parts() -> None:
    with pytest.raises(InvalidTrigger):
        key.require_valid(["none", "provider"])

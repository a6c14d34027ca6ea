"""Two payloads have the same digest if and only if they parse alike."""

import json

import pytest

from app.intake import parse, payload_digest
from app.intake.message import Event, Request
from tests.support import samples
from tests.support.expectations import SEVERAL_EVENTS


def digest_of(body: bytes, content_type: str = "application/json") -> str:
    payload = parse.payload(Request("1", {"content-type": content_type}, body))
    return payload_digest.of(Event(payload, {}))


@pytest.mark.parametrize(
    "body",
    [
        b'{ "b" : [1, 2],\n "a" : "\\u00e9" }',
        '{"b":[1,2],"a":"é"}'.encode(),
        '{"b":[1,2],"a":"é"}'.encode("utf-16"),
        '{"a":"x","b":[1,2],"a":"é"}'.encode(),
    ],
    ids=["other order, spaces and escapes", "other order", "UTF-16", "a name twice"],
)
def test_json_rendered_another_way_has_the_same_digest(body: bytes) -> None:
    assert digest_of(body) == digest_of('{"a":"é","b":[1,2]}'.encode())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b'{"a":[1,2]}', b'{"a":[2,1]}'),
        (b'{"a":1}', b'{"a":"1"}'),
        (b'{"a":1}', b'{"a":1.0}'),
        (b'{"a":1}', b'{"a":true}'),
        (b'{"a":null}', b"{}"),
        (b'{"a":""}', b'{"a":null}'),
        (b'{"a":"\\ud800"}', b'{"a":"\\ud801"}'),
        (b'{"a":"e\\u0301"}', b'{"a":"\\u00e9"}'),
    ],
    ids=repr,
)
def test_json_with_another_value_has_another_digest(one: bytes, other: bytes) -> None:
    assert digest_of(one) != digest_of(other)


@pytest.mark.parametrize("content_type", ["text/plain", "application/octet-stream"])
def test_a_body_that_is_no_json_is_compared_byte_for_byte(content_type: str) -> None:
    bodies = [b"one", b"one ", b"One", b"\xff\x00", b"\xff\x01"]

    assert len({digest_of(body, content_type) for body in bodies}) == len(bodies)
    assert digest_of(b"one", content_type) == digest_of(b"one", content_type)


def test_a_form_has_the_same_digest_in_any_order() -> None:
    form = "application/x-www-form-urlencoded"

    assert digest_of(b"a=1&b=2", form) == digest_of(b"b=2&a=1", form)
    assert digest_of(b"a=1&b=2", form) != digest_of(b"a=1&b=3", form)


@pytest.mark.parametrize(("source", "case"), sorted(SEVERAL_EVENTS))
def test_each_event_of_a_batch_has_a_digest_of_its_own(source: str, case: str) -> None:
    from app.intake import sources

    sent = samples.sample(source, case)
    request = Request("1", {k.lower(): v for k, v in sent.headers.items()}, sent.body)
    events = sources.named(source).events(request, json.loads(sent.body))

    assert len({payload_digest.of(event) for event in events}) == len(events) > 1

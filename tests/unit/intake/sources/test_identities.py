"""Events that a sender's documentation tells apart have different keys, and a redelivery the same.

The tables hold for each source the events that are easily taken for each other.
"""

import itertools
import json
from typing import Any

import pytest

from app.intake import key, parse, sources
from tests.support import factories
from tests.support.samples import Sent
from tests.unit.intake.sources import identities

PROVIDER = (key.PROVIDER,)
EVENTS = {name: table.EVENTS for name, table in identities.TABLES.items()}
REDELIVERIES = [
    (name, *pair) for name, table in identities.TABLES.items() for pair in table.REDELIVERIES
]
KEPT = [(name, *pair) for name, table in identities.TABLES.items() for pair in table.KEPT]
UNKEYED = [(name, sent) for name, table in identities.TABLES.items() for sent in table.UNKEYED]


def keys_of(source: str, sent: Any, key_from: tuple[str, ...] = PROVIDER) -> list[str | None]:
    """Return the keys of the request's events; `sent` is its payload, or a whole request."""
    if not isinstance(sent, Sent):
        sent = Sent({"Content-Type": "application/json"}, json.dumps(sent).encode())
    request = factories.request(sent)
    known = sources.named(source)
    events = known.events(request, parse.payload(request))
    return [key.of(event, request, known, key_from) for event in events]


@pytest.mark.parametrize("source", EVENTS)
def test_two_events_of_a_source_never_have_one_key(source: str) -> None:
    of_requests = [keys_of(source, sent) for sent in EVENTS[source]]
    keys = [each for of_request in of_requests for each in of_request]

    assert all(of_requests)
    assert None not in keys
    assert [pair for pair in itertools.combinations(keys, 2) if pair[0] == pair[1]] == []


@pytest.mark.parametrize("source", EVENTS)
def test_a_request_that_is_repeated_has_its_keys_again(source: str) -> None:
    for sent in EVENTS[source]:
        assert keys_of(source, sent) == keys_of(source, sent)


@pytest.mark.parametrize(("source", "first", "again"), REDELIVERIES)
def test_a_redelivery_as_its_sender_makes_it_has_the_same_keys(
    source: str, first: Any, again: Any
) -> None:
    keys = keys_of(source, first)

    assert None not in keys
    assert keys == keys_of(source, again)


@pytest.mark.parametrize(("source", "sent", "expected"), KEPT)
def test_the_key_of_an_event_that_was_admitted_before_is_unchanged(
    source: str, sent: Any, expected: list[str]
) -> None:
    assert keys_of(source, sent) == expected


@pytest.mark.parametrize(("source", "sent"), UNKEYED)
def test_an_event_without_an_id_has_no_key(source: str, sent: Any) -> None:
    assert set(keys_of(source, sent)) == {None}
    assert set(keys_of(source, sent, ())) == {None}


@pytest.mark.parametrize(
    "source", [name for name in EVENTS if sources.named(name).keyed_by_default]
)
def test_no_event_falls_back_to_a_default_place_that_others_share(source: str) -> None:
    for sent in EVENTS[source]:
        assert keys_of(source, sent, ()) == keys_of(source, sent)


def test_every_source_with_an_id_of_its_own_has_a_table() -> None:
    assert set(identities.TABLES) == set(sources.names()) - {"custom"}

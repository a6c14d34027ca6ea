"""A change to a trigger takes effect within two seconds, though it is not asked for every time."""

import itertools
from typing import Any

import pytest

from app.db import Database
from app.intake import trigger_cache
from app.intake.trigger_cache import FRESH_SECONDS, TriggerCache
from app.triggers import manage, removal
from tests.support import factories


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def remembered(database: Database, clock: Clock) -> TriggerCache:
    return TriggerCache(database, clock)


def is_enabled(remembered: TriggerCache, trigger_id: str) -> bool:
    found = remembered.find(trigger_id)
    assert found is not None
    return found.enabled


def test_a_trigger_is_remembered_for_a_moment(
    database: Database, remembered: TriggerCache, clock: Clock
) -> None:
    trigger_id = str(factories.trigger(database))
    before = remembered.find(trigger_id)
    manage.set_enabled(database, trigger_id, False)

    clock.seconds += 0.5

    assert remembered.find(trigger_id) is before


def test_a_disabled_trigger_is_known_to_be_so_within_two_seconds(
    database: Database, remembered: TriggerCache, clock: Clock
) -> None:
    trigger_id = str(factories.trigger(database))
    remembered.find(trigger_id)
    manage.set_enabled(database, trigger_id, False)

    clock.seconds += 2

    assert not is_enabled(remembered, trigger_id)


def test_a_trigger_made_after_it_was_asked_for_is_found_within_two_seconds(
    database: Database, remembered: TriggerCache, clock: Clock
) -> None:
    assert remembered.find("1") is None
    factories.trigger(database, id=1)

    clock.seconds += 2

    assert remembered.find("1") is not None


def test_a_removed_trigger_is_gone_within_two_seconds(
    database: Database, remembered: TriggerCache, clock: Clock
) -> None:
    trigger_id = str(factories.trigger(database))
    remembered.find(trigger_id)
    removal.remove_trigger(database, trigger_id)

    clock.seconds += 2

    assert remembered.find(trigger_id) is None


@pytest.mark.parametrize(
    "trigger_id",
    [
        "",
        "0",
        "-1",
        "+1",
        "1.0",
        "1e0",
        " 1",
        "1 ",
        "0x1",
        "²",
        "١",
        "2147483648",
        "9" * 400,
        "a'--",
    ],
    ids=ascii,
)
def test_what_is_no_id_is_no_trigger(
    database: Database, remembered: TriggerCache, trigger_id: str
) -> None:
    factories.trigger(database, id=1)

    assert remembered.find(trigger_id) is None


def test_an_adopted_row_with_empty_places_is_read_as_refusing(
    database: Database, remembered: TriggerCache
) -> None:
    trigger_id = factories.trigger(database, secret=None, event_filter=None, source="")

    found = remembered.find(str(trigger_id))

    assert found is not None
    assert (found.source, found.secret, found.event_filter) == ("custom", "", {})


def test_a_trigger_is_never_unknown_because_what_was_remembered_just_expired(
    database: Database,
) -> None:
    trigger_id = str(factories.trigger(database))
    moments = itertools.count(step=FRESH_SECONDS / 5)
    known = TriggerCache(database, lambda: next(moments))

    assert all(known.find(trigger_id) is not None for _ in range(100))


def test_what_a_slow_database_says_is_as_old_as_the_question(
    database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    trigger_id = str(factories.trigger(database))
    remembered = TriggerCache(database, clock)
    asked = remembered._row

    def slowly(number: int) -> Any:
        row = asked(number)
        clock.seconds += 0.9
        return row

    monkeypatch.setattr(remembered, "_row", slowly)
    remembered.find(trigger_id)
    manage.set_enabled(database, trigger_id, False)

    clock.seconds += 0.2

    assert not is_enabled(remembered, trigger_id)


def test_strangers_who_ask_for_any_number_take_no_more_room_than_the_limit(
    database: Database, remembered: TriggerCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trigger_cache, "REMEMBERED_AT_MOST", 10)
    trigger_id = str(factories.trigger(database))

    for number in range(1_000, 1_025):
        remembered.find(str(number))
        assert remembered.find(trigger_id) is not None
        assert len(remembered._entries) <= 10

"""A change to a trigger takes effect within two seconds, though it is not asked for every time."""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from app.db import Database
from app.intake import trigger_cache
from app.intake.trigger_cache import FRESH_SECONDS, TriggerCache
from app.triggers import removal, switching
from tests.support import factories
from tests.support.service import until


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


def test_a_trigger_is_cached_for_a_second(
    database: Database, remembered: TriggerCache, clock: Clock
) -> None:
    trigger_id = str(factories.trigger(database))
    before = remembered.find(trigger_id)
    switching.set_enabled(database, trigger_id, False)

    clock.seconds += 0.5

    assert remembered.find(trigger_id) is before


def test_disabling_a_trigger_takes_effect_within_two_seconds(
    database: Database, remembered: TriggerCache, clock: Clock
) -> None:
    trigger_id = str(factories.trigger(database))
    remembered.find(trigger_id)
    switching.set_enabled(database, trigger_id, False)

    clock.seconds += 2

    assert not is_enabled(remembered, trigger_id)


def test_a_trigger_created_after_it_was_looked_up_is_found_within_two_seconds(
    database: Database, remembered: TriggerCache, clock: Clock
) -> None:
    assert remembered.find("1") is None
    factories.trigger(database, id=1)

    clock.seconds += 2

    assert remembered.find("1") is not None


def test_removing_a_trigger_takes_effect_within_two_seconds(
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
def test_a_text_that_is_no_id_finds_no_trigger(
    database: Database, remembered: TriggerCache, trigger_id: str
) -> None:
    factories.trigger(database, id=1)

    assert remembered.find(trigger_id) is None


def test_an_adopted_row_with_empty_columns_is_read_with_defaults(
    database: Database, remembered: TriggerCache
) -> None:
    trigger_id = factories.trigger(database, secret=None, event_filter=None, source="")

    found = remembered.find(str(trigger_id))

    assert found is not None
    assert (found.source, found.secret, found.event_filter) == ("custom", "", {})


def test_an_expired_cache_entry_never_makes_a_trigger_unknown(
    database: Database,
) -> None:
    trigger_id = str(factories.trigger(database))
    moments = itertools.count(step=FRESH_SECONDS / 5)
    known = TriggerCache(database, lambda: next(moments))

    assert all(known.find(trigger_id) is not None for _ in range(100))


def test_the_age_of_an_entry_counts_from_before_the_query(
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
    switching.set_enabled(database, trigger_id, False)

    clock.seconds += 0.2

    assert not is_enabled(remembered, trigger_id)


def test_look_ups_of_unknown_ids_do_not_exceed_the_cache_limit(
    database: Database, remembered: TriggerCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trigger_cache, "REMEMBERED_AT_MOST", 10)
    trigger_id = str(factories.trigger(database))

    for number in range(1_000, 1_025):
        remembered.find(str(number))
        assert remembered.find(trigger_id) is not None
        assert len(remembered._entries) <= 10


def test_ids_that_are_looked_up_at_the_same_time_share_a_query(
    database: Database, remembered: TriggerCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    trigger_id = factories.trigger(database)
    select, asked, others_wait = remembered._select, [], threading.Event()

    def slowly(ids: list[int]) -> Any:
        asked.append(sorted(set(ids)))  # the last is repeated, so that there are few statements
        others_wait.wait(120)
        return select(ids)

    monkeypatch.setattr(remembered, "_select", slowly)
    unknown = range(1_000, 1_020)
    with ThreadPoolExecutor(21) as pool:
        first = pool.submit(remembered.find, str(trigger_id))
        until(lambda: asked, "the first query")
        others = [pool.submit(remembered.find, str(number)) for number in unknown]
        until(lambda: len(remembered._row._waiting) == len(unknown), "the others")
        others_wait.set()

        found = first.result()
        assert found is not None
        assert found.id == trigger_id
        assert {other.result() for other in others} == {None}

    assert asked == [[trigger_id], [*unknown]]


def test_a_curve_is_checked_for_refusals_only_while_a_trigger_may_need_it(
    database: Database, remembered: TriggerCache, clock: Clock
) -> None:
    remembered.find("4711")
    assert remembered.may_check_curve
    clock.seconds += 1
    remembered.find("4711")
    assert not remembered.may_check_curve

    trigger_id = factories.trigger(database, source="discord", secret="cd" * 32, enabled=False)
    remembered.find("4712")
    assert remembered.may_check_curve

    removal.remove_trigger(database, str(trigger_id))
    clock.seconds += 1
    remembered.find("4711")
    assert remembered.may_check_curve
    clock.seconds += 1
    assert not remembered.may_check_curve

"""One transaction's worth of numbers, added to what stands in the database."""

import re
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app import db
from app.db.models import (
    ALL_TIME,
    delivery_counts,
    execution_repeats,
    key_mismatches,
    trigger_executions,
    triggers,
)
from app.stats.counters import NOBODY, CountBatch, CounterKey

NO_SOURCE, ODD_SOURCE = "none", "other"
_SOURCE = re.compile(r"[a-z0-9_]{1,14}", re.ASCII)
"""With it and a slash before, every outcome fits its column."""


def counts(connection: Connection, batch: CountBatch) -> None:
    """The numbers of every trigger, hour and outcome are larger by these, and so are the sums."""
    settled = CountBatch(counts=dict(batch.counts))
    named = {place.trigger_id for place in (*batch.counts, *batch.claimed)}
    sources = _sources(connection, named - {NOBODY})
    for place, number in batch.claimed.items():
        theirs = place.trigger_id in sources
        settled.count(place if theirs else place._replace(trigger_id=NOBODY), number)
    settled.counts.update(_sums(settled.counts, sources))
    rows = [
        place._asdict() | {"number": number} for place, number in sorted(settled.counts.items())
    ]
    _add(connection, delivery_counts, rows)


def _sums(counts: Mapping[CounterKey, int], sources: Mapping[int, str]) -> Counter[CounterKey]:
    sums: Counter[CounterKey] = Counter()
    for place, number in counts.items():
        named = sources.get(place.trigger_id, NO_SOURCE)
        sums[CounterKey(ALL_TIME, NOBODY, f"{named}/{place.outcome}")] += number
    return sums


def sightings(connection: Connection, batch: CountBatch) -> CountBatch:
    """What came again is written down; returned is what to try once more.

    An execution that is gone takes its numbers along. One that another transaction has locked,
    perhaps to delete it, is not waited for.
    """
    mentioned = batch.repeats.keys() | {key.execution_id for key in batch.mismatches}
    held = db.lock_referenced(connection, trigger_executions, mentioned)
    later = _existing(connection, mentioned - held)
    repeats = [
        {"execution_id": execution_id, "number": seen.number, "last_at": seen.last_at}
        for execution_id, seen in sorted(batch.repeats.items())
        if execution_id in held
    ]
    mismatches = [
        key._asdict() | seen._asdict()
        for key, seen in sorted(batch.mismatches.items())
        if key.execution_id in held
    ]
    _add(connection, execution_repeats, repeats)
    _add(connection, key_mismatches, mismatches)
    return CountBatch(
        repeats={key: seen for key, seen in batch.repeats.items() if key in later},
        mismatches={k: seen for k, seen in batch.mismatches.items() if k.execution_id in later},
    )


def _add(connection: Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    """In the order of their keys, so that two processes never wait for each other in a circle."""
    if rows:
        connection.execute(db.upsert_adding(connection, table), rows)


def _sources(connection: Connection, ids: Collection[int]) -> dict[int, str]:
    """The source of each of these triggers that there is, as sums are named by it."""
    if not ids:
        return {}
    query = sa.select(triggers.c.id, triggers.c.source).where(triggers.c.id.in_(sorted(ids)))
    return {trigger_id: label(source) for trigger_id, source in connection.execute(query)}


def label(source: str | None) -> str:
    """What sums call a trigger's source."""
    return source if source and _SOURCE.fullmatch(source) else ODD_SOURCE


def _existing(connection: Connection, ids: Collection[int]) -> set[int]:
    if not ids:
        return set()
    column = trigger_executions.c.id
    return set(connection.execute(sa.select(column).where(column.in_(sorted(ids)))).scalars())

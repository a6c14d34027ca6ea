"""Add a batch of counts to the counts in the database, within one transaction."""

import re
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app import db
from app.db.id_lists import of_few_lengths
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
"""Names of sources that fit the column of the sums: `<source>/<outcome>`."""


def counts(connection: Connection, batch: CountBatch) -> None:
    """Add the counts of the batch to those of each trigger, hour and outcome, and to the sums."""
    checked = CountBatch(counts=dict(batch.counts))
    trigger_ids = {key.trigger_id for key in (*batch.counts, *batch.claimed)}
    sources = _sources(connection, trigger_ids - {NOBODY})
    for key, number in batch.claimed.items():
        exists = key.trigger_id in sources
        checked.count(key if exists else key._replace(trigger_id=NOBODY), number)
    checked.counts.update(_sums(checked.counts, sources))
    rows = [key._asdict() | {"number": number} for key, number in sorted(checked.counts.items())]
    _add(connection, delivery_counts, rows)


def _sums(counts: Mapping[CounterKey, int], sources: Mapping[int, str]) -> Counter[CounterKey]:
    sums: Counter[CounterKey] = Counter()
    for key, number in counts.items():
        source = sources.get(key.trigger_id, NO_SOURCE)
        sums[CounterKey(ALL_TIME, NOBODY, f"{source}/{key.outcome}")] += number
    return sums


def sightings(
    connection: Connection, batch: CountBatch, *, with_trigger: bool = True
) -> CountBatch:
    """Store the duplicates of each execution; return those to try again later.

    `with_trigger` says if the tables have the column trigger_id.

    Duplicates of a deleted execution are dropped. An execution that another transaction has
    locked, perhaps to delete it, is not waited for: its duplicates are tried again.
    """
    execution_ids = batch.repeats.keys() | {key.execution_id for key in batch.mismatches}
    locked = db.lock_executions(connection, execution_ids)
    later = _existing(connection, execution_ids - locked.keys())
    repeats = [
        {
            "trigger_id": locked[execution_id],
            "execution_id": execution_id,
            "number": seen.number,
            "last_at": seen.last_at,
        }
        for execution_id, seen in sorted(batch.repeats.items())
        if execution_id in locked
    ]
    mismatches = [
        {"trigger_id": locked[key.execution_id]} | key._asdict() | seen._asdict()
        for key, seen in sorted(batch.mismatches.items())
        if key.execution_id in locked
    ]
    for table, rows in ((execution_repeats, repeats), (key_mismatches, mismatches)):
        if not with_trigger:
            rows = [{name: row[name] for name in row if name != "trigger_id"} for row in rows]
        _add(connection, table, rows)
    return CountBatch(
        repeats={key: seen for key, seen in batch.repeats.items() if key in later},
        mismatches={k: seen for k, seen in batch.mismatches.items() if k.execution_id in later},
    )


def _add(connection: Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    """Upsert the rows, which are sorted by key, so that two processes never deadlock."""
    if rows:
        connection.execute(db.upsert_adding(connection, table), rows)


def _sources(connection: Connection, ids: Collection[int]) -> dict[int, str]:
    """Return the label of the source of each of these triggers that exists."""
    if not ids:
        return {}
    query = sa.select(triggers.c.id, triggers.c.source)
    query = query.where(triggers.c.id.in_(of_few_lengths(ids)))
    return {trigger_id: label(source) for trigger_id, source in connection.execute(query)}


def label(source: str | None) -> str:
    """Return the source as the sums name it; `other` for a name that does not fit."""
    return source if source and _SOURCE.fullmatch(source) else ODD_SOURCE


def _existing(connection: Connection, ids: Collection[int]) -> set[int]:
    if not ids:
        return set()
    column = trigger_executions.c.id
    query = sa.select(column).where(column.in_(of_few_lengths(ids)))
    return set(connection.execute(query).scalars())

"""Select the executions of one trigger that are due, that wait for a retry, that run."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from app.db import is_one_of, on_shard, prefer_partial_index, same_trigger
from app.db.id_lists import of_few_lengths
from app.db.models import ALWAYS_DUE, trigger_executions
from app.lifecycle import RETRYING, RUNNING, WAITING

ONE: sa.ColumnElement[int] = sa.literal_column("1")
"""LIMIT 1 as a literal: with a parameter PostgreSQL plans for a tenth of all rows."""
ALWAYS: sa.ColumnElement[Any] = sa.literal_column(f"'{ALWAYS_DUE}'")
"""The time ALWAYS_DUE as a literal, which the partial indexes are defined with."""
_executions = trigger_executions.c
IS_WAITING = is_one_of(_executions.status, WAITING)
"""Condition of the executions that wait for their turn, as the index of turns has it."""
_retrying = is_one_of(_executions.status, [RETRYING])


def first_due(column: sa.ColumnElement[Any], trigger_id: sa.ColumnElement[int]) -> sa.Select[Any]:
    """Select the waiting execution of the trigger that is due first."""
    return (
        sa.select(column)
        .where(_executions.trigger_id == trigger_id)
        .where(IS_WAITING, prefer_partial_index(IS_WAITING, _executions.id))
        .where(_executions.next_attempt_at.is_not(None))
        .order_by(_executions.next_attempt_at, _executions.id)
        .limit(ONE)
    )


def first_retried(
    column: sa.ColumnElement[Any], trigger_id: sa.ColumnElement[int]
) -> sa.Select[Any]:
    """Select the execution of the trigger that waits for a retry and was admitted first."""
    return (
        sa.select(column)
        # as a range: with `=` SQLite reads all executions that the trigger ever had
        .where(_executions.trigger_id.between(trigger_id, trigger_id))
        .where(same_trigger(_executions.trigger_id, trigger_id))
        .where(_retrying, prefer_partial_index(_retrying, _executions.id))
        .where(_executions.next_attempt_at.is_not(None))
        .order_by(_executions.trigger_id, _executions.id)
        .limit(ONE)
    )


def tests(trigger_id: sa.ColumnElement[int]) -> sa.Select[int]:
    """Select the ids of the trigger's test events that wait for their first attempt."""
    return (
        sa.select(_executions.id)
        .where(_executions.trigger_id == trigger_id)
        .where(IS_WAITING, prefer_partial_index(IS_WAITING, _executions.id))
        .where(_executions.next_attempt_at < ALWAYS)
        .order_by(_executions.next_attempt_at, _executions.id)
    )


def running_counts(trigger_ids: Sequence[int]) -> sa.Select[Any]:
    """Count the running executions of each of these triggers that has any."""
    of_trigger = _executions.trigger_id + sa.literal_column("0")  # as in running_count
    return (
        sa.select(of_trigger.label("trigger_id"), sa.func.count().label("number"))
        .where(is_one_of(_executions.status, [RUNNING]))
        .where(_executions.lease_expires_at > ALWAYS)
        .where(of_trigger.in_(of_few_lengths(trigger_ids)))
        .where(on_shard(_executions.trigger_id, trigger_ids))
        .group_by(of_trigger)
    )


def running_count(trigger_id: sa.ColumnElement[int]) -> sa.Select[int]:
    """Count the trigger's executions that run under a lease, on any worker."""
    return (
        sa.select(sa.func.count())
        .select_from(trigger_executions)
        .where(is_one_of(_executions.status, [RUNNING]))
        .where(_executions.lease_expires_at > ALWAYS)
        # `+ 0` keeps both databases off the index by trigger, which holds all its executions
        .where(_executions.trigger_id + sa.literal_column("0") == trigger_id)
    )

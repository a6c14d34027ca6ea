"""Pause and resume a trigger, or all triggers: events are admitted and wait.

A disabled trigger refuses its events instead. Workers read pauses in each round, so that a change
holds within a second; running attempts finish.
"""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app import audit, names
from app.audit import UNNAMED, Actor
from app.db import Database, advisory_lock, utc_now
from app.db.models import pauses, trigger_pauses
from app.errors import InvalidRequest
from app.executions import blocks, due
from app.executions.due import EVERYTHING
from app.triggers import lookup

DEFAULT_PER_SECOND = 10.0
"""Executions of its backlog that a resumed trigger begins a second, by default."""
LEAST_PER_SECOND, MOST_PER_SECOND = 0.001, 10_000.0
"""Lowest and highest pace; 0 stands for no limit."""
LONGEST_ACTOR = 200
"""Characters of the actor's name that are stored with a pause."""
LONGEST_REASON = 200
"""Characters of the reason of a pause."""
ALL = "triggers"
"""Subject of the audit rows of a pause of all triggers."""
PAUSE_LOCK = 0x70_61_75_73_65
"""Advisory lock of PostgreSQL under which all triggers are paused and resumed."""
_pauses = trigger_pauses.c


def pause(
    database: Database,
    name_or_id: str | int,
    actor: Actor = UNNAMED,
    *,
    reason: str | None = None,
) -> sa.Row[Any]:
    """Pause the trigger and return it.

    A trigger that is paused keeps the time and the author of its pause; a reason replaces the one
    before.
    """
    reason = checked_reason(reason)
    with database.writing() as connection:
        trigger = lookup.locked_trigger(connection, name_or_id)
        subject = lookup.subject(trigger.id)
        before = blocks.of_trigger(connection, trigger.id).pause
        if before is None:
            state = {"paused_at": utc_now(), "paused_by": actor.name[:LONGEST_ACTOR]}
            _write(connection, trigger.id, state | {"reason": reason})
            audit.record(connection, actor, "trigger.pause", subject, after=_audited(reason))
        elif _differs(before, reason):
            changed = sa.update(trigger_pauses).where(_pauses.trigger_id == trigger.id)
            connection.execute(changed.values(reason=reason))
            old, new = {"reason": before.reason}, {"reason": reason}
            audit.record(connection, actor, "trigger.pause", subject, before=old, after=new)
    return trigger


def resume(
    database: Database,
    name_or_id: str | int,
    per_second: float = DEFAULT_PER_SECOND,
    actor: Actor = UNNAMED,
) -> sa.Row[Any]:
    """Resume the trigger and return it; nothing changes if it is not paused.

    The executions that are due now begin at this pace, oldest first; 0 is no limit.
    """
    _require_pace(per_second)
    with database.writing() as connection:
        trigger = lookup.locked_trigger(connection, name_or_id)
        if blocks.of_trigger(connection, trigger.id).pause is not None:
            _run_backlog(connection, trigger.id, per_second)
            after = {"per_second": per_second}
            subject = lookup.subject(trigger.id)
            audit.record(connection, actor, "trigger.resume", subject, after=after)
    database.notifier.notify()
    return trigger


def pause_all(database: Database, actor: Actor = UNNAMED, *, reason: str | None = None) -> None:
    """Pause all triggers, also new ones.

    An earlier pause of all keeps its time and author; a reason replaces the one before.
    """
    reason = checked_reason(reason)
    with database.writing() as connection:
        advisory_lock(connection, PAUSE_LOCK)
        before = blocks.pause_of_all(connection)
        if before is None:
            values = {"scope": EVERYTHING, "paused_by": actor.name[:LONGEST_ACTOR]}
            insert = sa.insert(pauses).values(paused_at=utc_now(), reason=reason, **values)
            connection.execute(insert)
            audit.record(connection, actor, "triggers.pause", ALL, after=_audited(reason))
        elif _differs(before, reason):
            changed = sa.update(pauses).where(pauses.c.scope == EVERYTHING)
            connection.execute(changed.values(reason=reason))
            old, new = {"reason": before.reason}, {"reason": reason}
            audit.record(connection, actor, "triggers.pause", ALL, before=old, after=new)


def resume_all(
    database: Database, per_second: float = DEFAULT_PER_SECOND, actor: Actor = UNNAMED
) -> bool:
    """Resume all triggers; return False if they were not paused.

    A trigger that is paused by itself stays so. The backlog of each other one begins at this pace.
    """
    _require_pace(per_second)
    with database.writing() as connection:
        advisory_lock(connection, PAUSE_LOCK)
        waiting = due.find_triggers(connection)
        paused = sa.delete(pauses).where(pauses.c.scope == EVERYTHING)
        if not connection.execute(paused).rowcount:
            return False
        of_triggers = blocks.of_triggers(connection, [each.trigger_id for each in waiting])
        for each in sorted(waiting, key=lambda each: each.trigger_id):
            if of_triggers.get(each.trigger_id, blocks.NOTHING).pause is None:
                _run_backlog(connection, each.trigger_id, per_second)
        after = {"per_second": per_second}
        audit.record(connection, actor, "triggers.resume", ALL, after=after)
    database.notifier.notify()
    return True


def checked_reason(text: str | None) -> str | None:
    """Return the reason without surrounding spaces; None if it is empty.

    Raises InvalidRequest for a reason that is too long or has a character that nobody sees.
    """
    reason = (text or "").strip(" ")
    if character := names.invisible_character(reason):
        raise InvalidRequest(f"reason must not have the invisible character {character}")
    if len(reason) > LONGEST_REASON:
        raise InvalidRequest(f"reason must have at most {LONGEST_REASON} characters")
    return reason or None


def _differs(before: blocks.Pause, reason: str | None) -> bool:
    return reason not in (None, before.reason)


def _audited(reason: str | None) -> dict[str, str] | None:
    return None if reason is None else {"reason": reason}


def _require_pace(per_second: float) -> None:
    if per_second != 0 and not LEAST_PER_SECOND <= per_second <= MOST_PER_SECOND:  # NaN, too
        raise InvalidRequest(
            f"per_second must be 0, no limit, or {LEAST_PER_SECOND} to {MOST_PER_SECOND:,.0f}"
        )


def _run_backlog(connection: Connection, trigger_id: int, per_second: float) -> None:
    if not per_second:
        connection.execute(sa.delete(trigger_pauses).where(_pauses.trigger_id == trigger_id))
        return
    now = utc_now()
    state = {"resumed_at": now, "next_at": now, "per_second": per_second}
    _write(connection, trigger_id, state)


def _write(connection: Connection, trigger_id: int, state: Mapping[str, Any]) -> None:
    """Replace the row of the trigger, which the caller has locked."""
    connection.execute(sa.delete(trigger_pauses).where(_pauses.trigger_id == trigger_id))
    connection.execute(sa.insert(trigger_pauses).values(trigger_id=trigger_id, **state))

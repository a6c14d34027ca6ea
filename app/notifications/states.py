"""Compare the conditions of the moment with those that lasted before; enqueue what is news.

The states are rows, so the next worker that looks knows what was notified. One process looks at a
time (`take_round`), so that a condition is news once however many workers run.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from app import clock
from app.alerting import AlertLimits
from app.db.models import notification_messages, notification_states, triggers
from app.notifications.channels import Channel
from app.notifications.conditions import ALL_TRIGGERS, KINDS, Condition

BEGAN, LASTS, OVER = "began", "lasts", "over"
"""Events of a message: the condition began, still lasts or has grown, is over."""
ROUND = "round"
"""Kind of the one row that is no condition: the last look of any process."""
GROWTH = 10
"""Multiple of the notified number at which a condition that lasts is news again."""
CLOCK_SET_BACK = timedelta(minutes=2)
"""Distance into the future beyond which a time is of a clock that was set back since."""
CLOCKS_DIFFER = timedelta(hours=1)
"""Time by which the clock that stamped a channel may be behind that of the database."""
_states = notification_states.c
_messages = notification_messages.c


@dataclass(frozen=True, slots=True)
class Look:
    """The time of a look at the conditions, the channels to notify, and the limits."""

    now: datetime
    channels: Sequence[Channel]
    limits: AlertLimits


@dataclass(frozen=True, slots=True)
class Message:
    """News about a condition: its kind and trigger, the event, and the values of its sentence."""

    kind: str
    trigger_id: int
    event: str
    content: dict[str, Any]


def last_look(connection: Connection) -> datetime | None:
    """Return the time of the last look of any process; None if there was none."""
    query = sa.select(_states.seen_at).where(_of((ROUND, ALL_TRIGGERS)))
    return connection.execute(query).scalar_one_or_none()


def take_round(connection: Connection, now: datetime, pause: timedelta) -> bool:
    """Take the right to look now; False if a process looked less than `pause` ago.

    A look in the future was before the clock was set back, and keeps nobody from looking.
    """
    due = (_states.seen_at <= now - pause) | (_states.seen_at > now + CLOCK_SET_BACK)
    take = sa.update(notification_states).where(_of((ROUND, ALL_TRIGGERS)), due)
    if connection.execute(take.values(seen_at=now)).rowcount == 1:
        return True
    if last_look(connection) is not None:
        return False
    first = {"kind": ROUND, "trigger_id": ALL_TRIGGERS, "opened_at": now, "seen_at": now}
    try:
        with connection.begin_nested():
            connection.execute(sa.insert(notification_states).values(first))
    except IntegrityError:  # another process was faster
        return False
    return True


def lasting(connection: Connection) -> list[sa.Row[Any]]:
    """Return the conditions that last, oldest first."""
    query = sa.select(notification_states).where(_states.kind.in_(list(KINDS)))
    return list(connection.execute(query.order_by(_states.opened_at, _states.kind)))


def update(connection: Connection, conditions: Sequence[Condition], look: Look) -> None:
    """Store the conditions as they are now, and enqueue a message for each that is news."""
    states = {(row.kind, row.trigger_id): row for row in lasting(connection)}
    for each in conditions:
        row = states.pop(each.key, None)
        if row is None:
            _notify(connection, each, look, _open(connection, each, look.now))
            continue
        connection.execute(_change(each.key, seen_at=look.now))
        if _is_news(row, each, look):
            _notify(connection, each, look, row.opened_at)
        else:
            _notify_new_channels(connection, each, look, row)
    _close_absent(connection, list(states.values()), look)


def _open(connection: Connection, condition: Condition, now: datetime) -> datetime:
    """Insert the state of a condition that began; return the time since when it lasts."""
    since = min(condition.since or now, now)
    kind, trigger_id = condition.key
    values = {"kind": kind, "trigger_id": trigger_id, "opened_at": since, "seen_at": now}
    connection.execute(sa.insert(notification_states).values(values))
    return since


def _is_news(row: sa.Row[Any], condition: Condition, look: Look) -> bool:
    if row.notified_at is None:
        return True
    if look.now - row.notified_at >= timedelta(seconds=look.limits.again):
        return True
    return condition.number >= GROWTH * max(1, row.notified_number or 0)


def _notify(connection: Connection, condition: Condition, look: Look, opened_at: datetime) -> None:
    """Enqueue a message for each channel that wants it, and note that the condition is notified."""
    began = connection.execute(
        sa.select(_states.notified_at).where(_of(condition.key), _states.notified_at.is_not(None))
    ).first()
    wanted = [each.id for each in look.channels if each.wants(*condition.key)]
    event = BEGAN if began is None else LASTS
    enqueue(connection, wanted, _message(condition, event, opened_at), look.now)
    noted = _change(condition.key, notified_at=look.now, notified_number=condition.number)
    connection.execute(noted)


def _notify_new_channels(
    connection: Connection, condition: Condition, look: Look, row: sa.Row[Any]
) -> None:
    """Enqueue a message for each channel that was added after the condition was notified."""
    after = row.notified_at - CLOCKS_DIFFER
    new = [each for each in look.channels if each.created_at and each.created_at > after]
    wanted = {each.id for each in new if each.wants(*condition.key)}
    if wanted:
        wanted -= _notified(connection, row, after).keys()
        message = _message(condition, BEGAN, row.opened_at)
        enqueue(connection, sorted(wanted), message, look.now)


def _message(condition: Condition, event: str, opened_at: datetime) -> Message:
    content = {
        "trigger": condition.trigger,
        "number": condition.number,
        "since": clock.text(opened_at),
    }
    return Message(*condition.key, event, content)


def _close_absent(connection: Connection, rows: Sequence[sa.Row[Any]], look: Look) -> None:
    """Remove the conditions that are over, and notify each channel that was notified of them."""
    ids = sorted({row.trigger_id for row in rows})
    existing = sa.select(triggers.c.id).where(triggers.c.id.in_(ids))
    kept = {ALL_TRIGGERS, *(connection.execute(existing).scalars() if ids else ())}
    for row in rows:
        absent_for = look.now - row.seen_at
        if row.trigger_id in kept:
            shortest = timedelta(seconds=KINDS[row.kind].closes_after_seconds)
            if -CLOCK_SET_BACK <= absent_for < shortest:
                continue
            _notify_of_end(connection, row, look)
        connection.execute(sa.delete(notification_states).where(_of((row.kind, row.trigger_id))))


def _notify_of_end(connection: Connection, row: sa.Row[Any], look: Look) -> None:
    notified = _notified(connection, row, row.notified_at or look.now)
    wanted = [each.id for each in look.channels if each.id in notified]
    if wanted:
        content = {**json.loads(notified[wanted[0]]), "since": clock.text(row.opened_at)}
        message = Message(row.kind, row.trigger_id, OVER, content)
        enqueue(connection, wanted, message, look.now)


def _notified(connection: Connection, row: sa.Row[Any], since: datetime) -> dict[int, str]:
    """Return the content of the message about the condition by the channel that it was for."""
    before = sa.select(_messages.channel_id, _messages.content).where(
        _messages.kind == row.kind,
        _messages.trigger_id == row.trigger_id,
        _messages.created_at >= since,
        _messages.event != OVER,
    )
    return {each.channel_id: each.content for each in connection.execute(before)}


def enqueue(
    connection: Connection, channel_ids: Sequence[int], message: Message, now: datetime
) -> None:
    """Insert the message for each of these channels."""
    if channel_ids:
        values = {
            "kind": message.kind,
            "trigger_id": message.trigger_id,
            "event": message.event,
            "content": json.dumps(message.content),
            "created_at": now,
        }
        rows = [{"channel_id": channel_id, **values} for channel_id in channel_ids]
        connection.execute(sa.insert(notification_messages), rows)


def _of(key: tuple[str, int]) -> sa.ColumnElement[bool]:
    return sa.and_(_states.kind == key[0], _states.trigger_id == key[1])


def _change(key: tuple[str, int], **values: Any) -> sa.Update:
    return sa.update(notification_states).where(_of(key)).values(values)

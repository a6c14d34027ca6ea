"""Take the messages that wait for a channel, and note that they were sent or why not.

The channel is leased while its messages are sent: two workers never send the same. A worker that
is killed in between leaves the batch with its id, and the next one sends it again under that id.
"""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app import clock
from app.db import Database, utc_now
from app.db.encryption import SecretBox
from app.db.models import notification_channels, notification_messages
from app.notifications import channels
from app.notifications.channels import Channel
from app.notifications.message import Failure
from app.notifications.states import CLOCK_SET_BACK, Message

LEASE_SECONDS = 120.0
"""Seconds that a channel is leased: longer than a message may take to be sent."""
COALESCE_SECONDS = 5.0
"""Seconds that a message waits for others that belong with it."""
MOST_IN_BATCH = 1_000
"""Messages that are sent as one."""
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 15.0, 1_800.0
"""Seconds until a failed message is tried again: after the first failure, and at most."""
LONGEST_ERROR = 500
"""Characters of an error that are stored."""
KEEP_DAYS = 30
"""Days that messages are kept, sent or not."""
_channels = notification_channels.c
_messages = notification_messages.c


@dataclass(frozen=True, slots=True)
class ChannelBatch:
    """The messages that one channel is sent as one, under an id that stays the same."""

    id: str
    channel: Channel
    messages: Sequence[Message]
    created_at: datetime
    """Time of the oldest message."""
    lease_expires_at: datetime


def ready_channels(connection: Connection, pause: float = 0.0) -> list[int]:
    """Return the channels that have messages to send now, and that nobody is sending to.

    `pause`: seconds between two messages of one channel.
    """
    waiting = sa.select(_messages.channel_id).where(_messages.sent_at.is_(None), _is_ripe())
    query = sa.select(_channels.id).where(_channels.id.in_(waiting), _is_free(pause))
    return list(connection.execute(query.order_by(_channels.id)).scalars())


def take(
    connection: Connection, channel_id: int, secret_box: SecretBox, pause: float = 0.0
) -> ChannelBatch | None:
    """Lease the channel and return its messages as a batch; None if another process was faster."""
    lease = sa.update(notification_channels).where(_channels.id == channel_id, _is_free(pause))
    lease = lease.values(lease_expires_at=utc_now(LEASE_SECONDS))
    row = connection.execute(lease.returning(*_channels)).one_or_none()
    if row is None or not channels.opens(row, secret_box):
        return None
    rows = _batched(connection, channel_id) or _new_batch(connection, channel_id)
    if not rows:
        return None
    messages = [
        Message(each.kind, each.trigger_id, each.event, json.loads(each.content)) for each in rows
    ]
    channel = channels.channel(row, secret_box)
    return ChannelBatch(
        rows[0].batch_id, channel, messages, rows[0].created_at, row.lease_expires_at
    )


def settle(database: Database, batch: ChannelBatch, failure: Failure | None, pause: float) -> bool:
    """Note the outcome and return the lease; False if another process has taken the channel.

    After a failure the messages wait longer each time; after a success for `pause` seconds.
    """
    with database.writing() as connection:
        same = sa.and_(
            _channels.id == batch.channel.id, _channels.lease_expires_at == batch.lease_expires_at
        )
        query = sa.select(_channels.failure_count).where(same).with_for_update()
        failures = connection.execute(query).scalar_one_or_none()
        if failures is None:
            return False
        if failure is None:
            sent = sa.update(notification_messages).where(_messages.batch_id == batch.id)
            connection.execute(sent.values(sent_at=clock.now()))
        outcome = _sent(pause) if failure is None else _failed(failure, failures + 1)
        update = sa.update(notification_channels).where(same)
        connection.execute(update.values(lease_expires_at=None, **outcome))
        return True


def note_test(database: Database, channel_id: int, error: str | None) -> None:
    """Note the outcome of a test message that was sent at once, without a place in the outbox."""
    outcome = _sent(0) if error is None else {"last_error": error[:LONGEST_ERROR]}
    outcome = {"last_error_at": clock.now(), **outcome} if error else outcome
    outcome.pop("next_send_at", None)
    with database.writing() as connection:
        same = _channels.id == channel_id
        if error is None:
            send_now(connection, channel_id)
        connection.execute(sa.update(notification_channels).where(same).values(outcome))


def send_now(connection: Connection, channel_id: int) -> None:
    """Let the messages that a channel did not take be sent now, as a person asked for a test."""
    failing = sa.and_(_channels.id == channel_id, _channels.failure_count > 0)
    now = sa.update(notification_channels).where(failing).values(next_send_at=utc_now())
    connection.execute(now)


def prune(connection: Connection, now: datetime) -> int:
    """Remove messages that are older than KEEP_DAYS; return their number."""
    old = _messages.created_at < now - timedelta(days=KEEP_DAYS)
    return connection.execute(sa.delete(notification_messages).where(old)).rowcount


def wait_seconds(failures: int, at_least: float = 0.0) -> float:
    """Return the seconds until the next try after so many failures in a row. Pure.

    The channel may ask for a longer wait, but for none above LONGEST_WAIT_SECONDS.
    """
    growing = FIRST_WAIT_SECONDS * 2.0 ** min(failures - 1, 20)
    return min(LONGEST_WAIT_SECONDS, max(growing, at_least))


def _sent(pause: float) -> dict[str, Any]:
    return {
        "next_send_at": utc_now(pause),
        "last_sent_at": clock.now(),
        "failure_count": 0,
        "last_error": None,
        "last_error_at": None,
    }


def _failed(failure: Failure, failures: int) -> dict[str, Any]:
    return {
        "next_send_at": utc_now(wait_seconds(failures, failure.retry_after_seconds)),
        "failure_count": failures,
        "last_error": failure.sentence[:LONGEST_ERROR],
        "last_error_at": clock.now(),
    }


def _is_free(pause: float) -> sa.ColumnElement[bool]:
    leased, next_send_at = _channels.lease_expires_at, _channels.next_send_at
    unleased = leased.is_(None) | _is_over(leased, LEASE_SECONDS)
    return unleased & _is_over(next_send_at, max(LONGEST_WAIT_SECONDS, pause))


def _is_over(until: sa.ColumnElement[Any], longest: float) -> sa.ColumnElement[bool]:
    """Return whether a wait has ended; a longer one is of a clock that was set back since."""
    return (until <= utc_now()) | (until > utc_now(longest + CLOCK_SET_BACK.total_seconds()))


def _is_ripe() -> sa.ColumnElement[bool]:
    created_at = _messages.created_at
    set_back = utc_now(CLOCK_SET_BACK.total_seconds())
    return (created_at <= utc_now(-COALESCE_SECONDS)) | (created_at > set_back)


def _batched(connection: Connection, channel_id: int) -> Sequence[sa.Row[Any]]:
    """Return the messages of a batch that was begun and not sent."""
    begun = sa.select(_messages.batch_id).where(
        _messages.channel_id == channel_id,
        _messages.sent_at.is_(None),
        _messages.batch_id.is_not(None),
    )
    batch_id = connection.execute(begun.order_by(_messages.id).limit(1)).scalar_one_or_none()
    if batch_id is None:
        return []
    of_batch = sa.select(notification_messages).where(
        _messages.channel_id == channel_id, _messages.batch_id == batch_id
    )
    return connection.execute(of_batch.order_by(_messages.id)).all()


def _new_batch(connection: Connection, channel_id: int) -> Sequence[sa.Row[Any]]:
    """Give the messages that wait the id of a new batch, and return them."""
    waiting = (
        sa.select(_messages.id)
        .where(_messages.channel_id == channel_id, _messages.sent_at.is_(None))
        .order_by(_messages.id)
        .limit(MOST_IN_BATCH)
    )
    ids = list(connection.execute(waiting).scalars())
    if not ids:
        return []
    same = _messages.id.in_(ids)
    named = (
        sa.update(notification_messages).where(same).values(batch_id=f"ntf_{secrets.token_hex(12)}")
    )
    connection.execute(named)
    query = sa.select(notification_messages).where(same).order_by(_messages.id)
    return connection.execute(query).all()

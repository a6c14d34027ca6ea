"""/api/notifications: the channels by which people are notified, and the conditions that last."""

from typing import Any, cast

import sqlalchemy as sa

from app import clock
from app.audit import Actor
from app.auth import ADMIN, VIEWER
from app.db import utc_now
from app.notifications import channels, outbox, states
from app.notifications.channels import NewChannel
from app.notifications.conditions import ALL_TRIGGERS, TEST
from app.notifications.states import BEGAN, Message
from app.web.api.operations import Operations
from app.web.api.schemas.notifications import (
    CreatedChannel,
    Enqueued,
    NewChannelBody,
    NotificationChannel,
    Notifications,
)
from app.web.api.schemas.values import ChannelId
from app.web.context import ApiContext

OPERATIONS = Operations()


@OPERATIONS.get("/api/notifications", VIEWER)
def list_notifications(context: ApiContext) -> Notifications:
    """List the channels with the outcome of their last message, and the conditions that last."""
    with context.database.reading() as connection:
        rows = channels.every(connection)
        lasting = states.lasting(connection)
    return {
        "channels": [_channel(context, row, int(row.waiting)) for row in rows],
        "conditions": [
            {
                "condition": row.kind,
                "trigger_id": row.trigger_id or None,
                "since": clock.text(row.opened_at),
                "notified_at": clock.text(row.notified_at),
            }
            for row in lasting
        ],
    }


@OPERATIONS.post("/api/notifications", ADMIN, status=201)
def add_channel(context: ApiContext, body: NewChannelBody, actor: Actor) -> CreatedChannel:
    """Add a channel; only this response contains the secret that signs its webhooks."""
    wanted = NewChannel(body.name, body.kind, body.address, body.trigger_id, body.conditions)
    row, secret = channels.add(context.database, wanted, actor)
    return {**_channel(context, row, 0), "secret": secret}


@OPERATIONS.delete("/api/notifications/{channel_id}", ADMIN)
def remove_channel(context: ApiContext, channel_id: ChannelId, actor: Actor) -> NotificationChannel:
    """Remove the channel with the messages that wait for it."""
    return _channel(context, channels.remove(context.database, channel_id, actor), 0)


@OPERATIONS.post("/api/notifications/{channel_id}/test", ADMIN, status=202)
def test_channel(context: ApiContext, channel_id: ChannelId) -> Enqueued:
    """Enqueue a test message, which a worker sends; the outcome is in the list of channels."""
    with context.database.writing() as connection:
        row = channels.find(connection, channel_id)
        now = connection.execute(sa.select(utc_now())).scalar_one()
        news = Message(TEST, ALL_TRIGGERS, BEGAN, {"since": clock.text(now)})
        states.enqueue(connection, [row.id], news, now)
        outbox.send_now(connection, row.id)
    return {"status": "enqueued"}


def _channel(context: ApiContext, row: Any, waiting: int) -> NotificationChannel:
    address = channels.shown_address(row, context.database.secret_box)
    return cast(NotificationChannel, {**channels.public(row, address), "waiting": waiting})

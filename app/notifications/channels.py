"""The channels: address, conditions and last outcome of each. Addresses and secrets are sealed."""

import base64
import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError
from urllib3.util import parse_url

from app import audit, clock, names
from app.actions import options
from app.alerting import MAIL_ADDRESS
from app.audit import UNNAMED, Actor
from app.db import Database
from app.db.encryption import SecretBox
from app.db.models import notification_channels, notification_messages, triggers
from app.errors import InvalidChannel, InvalidTrigger, existing
from app.masking import MASK
from app.notifications.conditions import KINDS

WEBHOOK, SLACK, EMAIL = "webhook", "slack", "email"
CHANNEL_KINDS = (WEBHOOK, SLACK, EMAIL)
"""A signed webhook; a webhook that Slack, Mattermost and Rocket.Chat understand; mail."""
LONGEST_NAME = 100
LONGEST_ADDRESS = 2_000
MOST_RECIPIENTS = 20
MOST_CHANNELS = 50
"""Channels of an installation: each condition makes a message for each of them."""
SECRET_BYTES = 32
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]*")
_columns = notification_channels.c


@dataclass(frozen=True, slots=True)
class NewChannel:
    """The description of a channel to add."""

    name: str
    kind: str
    address: str = field(repr=False)
    """An http(s) address, or mail addresses that are separated by commas."""
    trigger_id: int | None = None
    """The only trigger whose conditions are notified; None: all conditions."""
    conditions: Sequence[str] = ()
    """The kinds of conditions that are notified; empty: all kinds."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel with its address and secret in clear, to send by it."""

    id: int
    name: str
    kind: str
    address: str = field(repr=False)
    secret: str | None = field(default=None, repr=False)
    trigger_id: int | None = None
    conditions: frozenset[str] = frozenset()
    created_at: datetime | None = None

    def wants(self, kind: str, trigger_id: int) -> bool:
        """Return True if the channel is notified of such a condition."""
        if self.trigger_id is not None and self.trigger_id != trigger_id:
            return False
        return not self.conditions or kind in self.conditions


def add(
    database: Database, wanted: NewChannel, actor: Actor = UNNAMED
) -> tuple[sa.Row[Any], str | None]:
    """Add the channel; return its row, and the secret that signs its webhooks.

    Raises InvalidChannel with a sentence for each description that cannot work.
    """
    _require_valid(wanted)
    secret = _new_secret() if wanted.kind == WEBHOOK else None
    box = database.secret_box
    values = {
        "name": wanted.name.strip(),
        "kind": wanted.kind,
        "trigger_id": wanted.trigger_id,
        "conditions": json.dumps(sorted(set(wanted.conditions))) if wanted.conditions else None,
        "created_at": clock.now(),
        "created_by": actor.name[:200],
        **box.columns("address", wanted.address.strip()),
        **box.columns("secret", secret),
    }
    try:
        with database.writing() as connection:
            _require_place(connection, wanted)
            insert = sa.insert(notification_channels).values(values)
            row = connection.execute(insert.returning(*_columns)).one()
            shown = public(row, wanted.address)
            audit.record(connection, actor, "channel.add", f"channel:{row.id}", after=shown)
    except IntegrityError as error:
        raise InvalidChannel(f"there is a channel named {wanted.name!r} already") from error
    return row, secret


def remove(database: Database, name_or_id: str | int, actor: Actor = UNNAMED) -> sa.Row[Any]:
    """Remove the channel with the messages that wait for it; NotFound if there is none."""
    with database.writing() as connection:
        row = find(connection, name_or_id)
        connection.execute(sa.delete(notification_channels).where(_columns.id == row.id))
        shown = public(row, shown_address(row, database.secret_box))
        audit.record(connection, actor, "channel.remove", f"channel:{row.id}", before=shown)
        return row


def find(connection: Connection, name_or_id: str | int) -> sa.Row[Any]:
    """Return the channel of this id or name; NotFound if there is none."""
    text = str(name_or_id)
    by_id = text.isascii() and text.isdigit() and len(text) < 10
    same = _columns.name == text
    query = sa.select(notification_channels)
    query = query.where(sa.or_(_columns.id == int(text), same) if by_id else same)
    row = connection.execute(query.order_by(_columns.id)).first()
    sentence = f"there is no channel {text[:LONGEST_NAME]!r}; see `hookonce notify list`"
    return existing(row, sentence)


def every(connection: Connection) -> list[sa.Row[Any]]:
    """Return all channels with the number of their messages that wait, in order of names."""
    messages = notification_messages.c
    waiting = sa.select(sa.func.count()).where(
        messages.channel_id == _columns.id, messages.sent_at.is_(None)
    )
    query = sa.select(
        notification_channels, triggers.c.slug, waiting.scalar_subquery().label("waiting")
    ).outerjoin(triggers, triggers.c.id == _columns.trigger_id)
    return list(connection.execute(query.order_by(_columns.name)))


def opened(connection: Connection, secret_box: SecretBox) -> list[Channel]:
    """Return the channels ready to send, without those that our keys cannot open."""
    rows = connection.execute(sa.select(notification_channels).order_by(_columns.id))
    return [channel(row, secret_box) for row in rows if opens(row, secret_box)]


def channel(row: Any, secret_box: SecretBox) -> Channel:
    """Return the row as a channel; raises SecretSealed if none of our keys opens it."""
    return Channel(
        row.id,
        row.name,
        row.kind,
        secret_box.decrypt(row, "address") or "",
        secret_box.decrypt(row, "secret"),
        row.trigger_id,
        frozenset(json.loads(row.conditions or "[]")),
        row.created_at,
    )


def opens(row: Any, secret_box: SecretBox) -> bool:
    """Return True if our keys open the channel's address and secret."""
    return secret_box.opens(row, "address") and secret_box.opens(row, "secret")


def public(row: Any, address: str) -> dict[str, Any]:
    """Return the channel as it may be shown: of its address only the host, and no secret."""
    return {
        "id": row.id,
        "name": row.name,
        "kind": row.kind,
        "address": masked_address(row.kind, address),
        "trigger_id": row.trigger_id,
        "conditions": json.loads(row.conditions or "[]"),
        "created_at": clock.text(row.created_at),
        "created_by": row.created_by,
        "last_sent_at": clock.text(row.last_sent_at),
        "failure_count": row.failure_count,
        "last_error": row.last_error,
        "last_error_at": clock.text(row.last_error_at),
    }


def shown_address(row: Any, secret_box: SecretBox) -> str:
    """Return the address; empty if none of our keys opens it."""
    return (secret_box.decrypt(row, "address") or "") if opens(row, secret_box) else ""


def masked_address(kind: str, address: str) -> str:
    """Return the address as it may be shown: the path of a chat's webhook is its password."""
    if kind == EMAIL or not address:
        return address or MASK
    url = parse_url(address)
    return f"{url.scheme}://{url.netloc}/{MASK}"


def _require_valid(wanted: NewChannel) -> None:
    name = wanted.name.strip()
    if not _NAME.fullmatch(name) or len(name) > LONGEST_NAME or name.isdigit():
        raise InvalidChannel(
            f"a channel needs a name of 1 to {LONGEST_NAME} letters, digits, '.', '_' and '-'"
        )
    if wanted.kind not in CHANNEL_KINDS:
        raise InvalidChannel(f"there is no kind {wanted.kind!r}: {', '.join(CHANNEL_KINDS)}")
    if unknown := sorted(set(wanted.conditions) - KINDS.keys()):
        raise InvalidChannel(f"there is no condition {unknown[0]!r}; there are {', '.join(KINDS)}")
    if len(wanted.address) > LONGEST_ADDRESS or names.invisible_character(wanted.address):
        raise InvalidChannel("the address is too long, or has an invisible character")
    if wanted.kind == EMAIL:
        _require_mail_addresses(wanted.address)
        return
    try:
        options.address({"url": wanted.address.strip()})
    except InvalidTrigger as error:
        raise InvalidChannel(str(error)) from None


def _require_mail_addresses(text: str) -> None:
    recipients = [each.strip() for each in text.split(",")]
    for each in recipients:
        if not MAIL_ADDRESS.fullmatch(each):
            raise InvalidChannel(f"{each[:100]!r} is not a mail address such as ops@example.org")
    if len(recipients) > MOST_RECIPIENTS:
        raise InvalidChannel(f"a channel has at most {MOST_RECIPIENTS} mail addresses")


def _require_place(connection: Connection, wanted: NewChannel) -> None:
    count = connection.execute(sa.select(sa.func.count(_columns.id))).scalar_one()
    if count >= MOST_CHANNELS:
        raise InvalidChannel(f"there are {MOST_CHANNELS} channels, which is the most")
    if wanted.trigger_id is not None:
        same = triggers.c.id == wanted.trigger_id
        if connection.execute(sa.select(triggers.c.id).where(same)).scalar() is None:
            raise InvalidChannel(f"there is no trigger {wanted.trigger_id}")


def _new_secret() -> str:
    """Return a new secret in the form of Standard Webhooks."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()

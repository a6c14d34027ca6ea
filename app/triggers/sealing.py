"""Encrypt stored secrets, encrypt them again with another key, or decrypt them."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app import audit, db, masking
from app.audit import UNNAMED, Actor
from app.db import Database, models
from app.db.encryption import SecretBox
from app.db.models import triggers
from app.errors import InvalidSetting, SecretSealed
from app.notifications import sealing as channel_sealing

SECRETS = ("secret", "previous_secret")
"""Columns of triggers for plain secrets; the encrypted ones have `sealed_` before the name."""
AT_ONCE = 100
"""Number of triggers that one transaction rewrites."""
_KEEPING = sa.select(
    triggers.c.id,
    triggers.c.slug,
    triggers.c.action_payload,
    *(triggers.c[column] for name in SECRETS for column in (name, f"sealed_{name}")),
)
"""The only columns read here: the downgrade of 0015 unseals on a schema without later ones."""
_SEALED_PAYLOAD = triggers.c.sealed_action_payload

Columns = dict[str, str | None]
Change = Callable[[sa.Row[Any]], Columns]


def reseal(database: Database, actor: Actor = UNNAMED) -> Iterator[int]:
    """Encrypt every secret with the first key; yield the number of changed rows of each step."""
    secret_box = database.secret_box
    if not secret_box.keys:
        raise InvalidSetting("set HOOKONCE_SECRET_KEY first: there is nothing to seal with")
    yield from _rewrite(database, lambda row: _reseal_row(row, secret_box), actor, "secret.seal")
    yield channel_sealing.rewrite(database, secret_box, actor, "secret.seal")


def unseal(database: Database, actor: Actor = UNNAMED) -> Iterator[int]:
    """Decrypt every secret; yield the number of changed rows of each step."""
    secret_box, clear = database.secret_box, SecretBox()

    def change(row: sa.Row[Any]) -> Columns:
        moved = _moved(row, secret_box, clear, _sealed_names(row))
        if getattr(row, _SEALED_PAYLOAD.name, None) is not None:
            moved |= clear.payload_columns(secret_box.payload(row))
        return moved

    yield from _rewrite(database, change, actor, "secret.unseal")
    yield channel_sealing.rewrite(database, clear, actor, "secret.unseal")


def counts(connection: Connection) -> dict[str, int]:
    """Return the number of `sealed` (encrypted) and of `clear` secrets."""
    columns = triggers.c
    sealed = [columns.sealed_secret, columns.sealed_previous_secret]
    clear = [sa.func.nullif(column, "") for column in (columns.secret, columns.previous_secret)]
    query = sa.select(*[sa.func.count(column) for column in (*sealed, *clear)])
    found = connection.execute(query).one()
    rows = connection.execute(_keeping(connection)).all()
    payloads = sum(1 for row in rows if getattr(row, _SEALED_PAYLOAD.name, None) is not None)
    plain = sum(1 for row in rows if _has_plain_payload(row))
    channels = channel_sealing.counts(connection)
    return {
        "sealed": found[0] + found[1] + payloads + channels["sealed"],
        "clear": found[2] + found[3] + plain + channels["clear"],
    }


def steps(connection: Connection) -> int:
    """Return the number of steps that `reseal` and `unseal` take."""
    query = sa.select(sa.func.count()).select_from(triggers)
    return 1 + -(-int(connection.execute(query).scalar_one()) // AT_ONCE)


def unopened(connection: Connection, secret_box: SecretBox) -> list[str]:
    """Return the slugs of triggers, and channels, whose secret none of our keys decrypts."""
    rows = connection.execute(_keeping(connection))
    slugs = [row.slug for row in rows if not _opens(row, secret_box)]
    return slugs + channel_sealing.unopened(connection, secret_box)


def _opens(row: Any, secret_box: SecretBox) -> bool:
    with suppress(SecretSealed):
        secret_box.decrypt(row)
        secret_box.payload(row)
        return True
    return False


def _keeping(connection: Connection) -> sa.Select[Any]:
    later = f"{triggers.name}.{_SEALED_PAYLOAD.name}"
    return _KEEPING.add_columns(_SEALED_PAYLOAD) if later in db.columns(connection) else _KEEPING


def _has_plain_payload(row: Any) -> bool:
    """Return True if secrets of the action stand in the clear, where they can be sealed."""
    sealed = getattr(row, _SEALED_PAYLOAD.name, row)  # the row itself: there is no such column
    return sealed is None and bool(masking.secrets_of(row.action_payload))


def _rewrite(database: Database, change: Change, actor: Actor, action: str) -> Iterator[int]:
    """Rewrite a hundred triggers in each transaction, so that receivers can read in between."""
    later = sa.true()
    while True:
        with database.writing() as connection:
            query = _keeping(connection).where(later).order_by(triggers.c.id)
            rows = connection.execute(query.limit(AT_ONCE).with_for_update()).all()
            changes = {row.id: change(row) for row in rows}
            for trigger_id, values in changes.items():
                if values:
                    update = sa.update(triggers).where(triggers.c.id == trigger_id)
                    connection.execute(update.values(values))
            changed = [trigger_id for trigger_id, values in changes.items() if values]
            if changed and f"{models.audit.name}.actor" in db.columns(connection):
                audit.record(connection, actor, action, "triggers", after={"ids": changed})
        if not rows:
            return
        later = triggers.c.id > rows[-1].id
        yield sum(1 for values in changes.values() if values)


def _reseal_row(row: Any, secret_box: SecretBox) -> Columns:
    stale = [
        name
        for name in SECRETS
        if getattr(row, name)
        or (
            getattr(row, f"sealed_{name}") is not None
            and not secret_box.current(getattr(row, f"sealed_{name}"))
        )
    ]
    moved = _moved(row, secret_box, secret_box, stale)
    if _is_stale_payload(row, secret_box):
        moved |= secret_box.payload_columns(secret_box.payload(row))
    return moved


def _is_stale_payload(row: Any, secret_box: SecretBox) -> bool:
    """Return True if the payload has secrets in the clear, or is sealed with an older key.

    Older code changes the plain column alone: the payload is then not the sealed one.
    """
    sealed = getattr(row, _SEALED_PAYLOAD.name, None)
    if sealed is None:
        return _has_plain_payload(row)
    return not secret_box.current(sealed) or secret_box.payload(row) == row.action_payload


def _sealed_names(row: Any) -> list[str]:
    return [name for name in SECRETS if getattr(row, f"sealed_{name}") is not None]


def _moved(row: Any, source: SecretBox, target: SecretBox, names: list[str]) -> Columns:
    values: Columns = {}
    for name in names:
        values |= target.columns(name, source.decrypt(row, name))
    return values

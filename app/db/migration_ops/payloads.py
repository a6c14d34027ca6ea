"""Seal the actions' payloads in an upgrade, and open them in a downgrade.

Both take the key from HOOKONCE_SECRET_KEY, and can be run again after a kill at any point.
"""

from collections.abc import Callable, Iterator
from typing import Any

import sqlalchemy as sa
from alembic.operations import Operations
from alembic.util import CommandError

from app import masking
from app.db.encryption import SecretBox
from app.db.migration_ops.plugin import end_transaction, offline, operation, stop_script_if
from app.errors import SecretSealed
from app.installation import migration_command
from app.settings import from_environment

BATCH_ROWS = 100
TABLE = sa.table(
    "triggers",
    sa.column("id", sa.Integer),
    sa.column("action_payload", sa.Text),
    sa.column("sealed_action_payload", sa.Text),
)
SEALED = TABLE.c.sealed_action_payload
BECAUSE = (
    "secrets of actions are sealed, and HOOKONCE_SECRET_KEY does not open them; set it to their "
    "key and run the same command again, or give those triggers new payloads, or run "
    f"`{migration_command('-x sealed=stash downgrade ...')}` to stash them (their actions then "
    "send `********` until the next upgrade)"
)

Change = Callable[[Any], dict[str, str | None]]


@operation
def seal_payloads(op: Operations) -> None:
    """Seal the payloads with secrets that are not sealed yet, if a key is set."""
    secret_box = SecretBox(() if offline(op) else from_environment().hookonce_secret_key)
    if not secret_box.keys:
        return
    end_transaction(op)  # the column was just added, under a lock that keeps every webhook waiting
    for row in _rows(op, SEALED.is_(None)):
        columns = secret_box.payload_columns(row.action_payload)
        if columns["sealed_action_payload"] is not None:
            _update(op, row, columns)


@operation
def open_payloads(op: Operations, *, unless: str) -> None:
    """Open every sealed payload; raise CommandError if a key is missing, unless `-x` permits it.

    A payload that no key opens is stashed without an error if the plain column shows no mask: older
    code wrote that one, and it counts.
    """
    if offline(op):
        masked = (
            f"sealed_action_payload IS NOT NULL AND strpos(action_payload, '{masking.MASK}') > 0"
        )
        stop_script_if(op, f"EXISTS (SELECT FROM triggers WHERE {masked})", BECAUSE)
        return
    secret_box, unopened = SecretBox(from_environment().hookonce_secret_key), 0
    for row in _rows(op, SEALED.is_not(None)):
        try:
            payload = secret_box.payload(row)
        except SecretSealed:
            unopened += masking.MASK in (row.action_payload or "")
        else:
            _update(op, row, {"action_payload": payload, "sealed_action_payload": None})
    name, _, value = unless.partition("=")
    if unopened and op.get_context().opts.get("x", {}).get(name) != value:
        raise CommandError(f"{unopened} row(s) of triggers: {BECAUSE}")


def _rows(op: Operations, condition: sa.ColumnElement[bool]) -> Iterator[Any]:
    later = sa.true()
    while True:
        query = sa.select(TABLE).where(later, condition).order_by(TABLE.c.id)
        rows = op.get_bind().execute(query.limit(BATCH_ROWS)).all()
        if not rows:
            return
        yield from rows
        later = TABLE.c.id > rows[-1].id


def _update(op: Operations, row: Any, columns: dict[str, str | None]) -> None:
    """Change the row unless somebody changed its payload since it was read."""
    payload = TABLE.c.action_payload
    same = payload.is_(None) if row.action_payload is None else payload == row.action_payload
    op.get_bind().execute(sa.update(TABLE).where(TABLE.c.id == row.id, same).values(columns))

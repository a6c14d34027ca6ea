"""Refuse a downgrade that would break older code, unless an option allows it."""
# ruff: noqa: S608, the names in these statements are the revisions' own, never from outside

import sqlalchemy as sa
from alembic.operations import Operations
from alembic.util import CommandError

from app.db.migration_ops.plugin import offline, operation


@operation
def refuse_while_any(
    op: Operations, table: str, condition: str, *, because: str, unless: str
) -> None:
    """Raise CommandError if a row fulfils the condition, unless `-x <unless>` was given."""
    name, _, value = unless.partition("=")
    if op.get_context().opts.get("x", {}).get(name) == value:
        return
    if offline(op):
        message = because.replace("'", "''")
        op.execute(
            f"DO $$ BEGIN IF EXISTS (SELECT FROM {table} WHERE {condition}) "
            f"THEN RAISE EXCEPTION '{message}'; END IF; END $$"
        )
        return
    count = (
        op.get_bind()
        .execute(sa.text(f"SELECT count(*) FROM {table} WHERE {condition}"))
        .scalar_one()
    )
    if count:
        raise CommandError(f"{count} row(s) of {table}: {because}")

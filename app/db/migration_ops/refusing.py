"""Refuse a downgrade that would break older code, unless an option allows it."""
# ruff: noqa: S608, the names in these statements are the revisions' own, never from outside

import sqlalchemy as sa
from alembic.operations import Operations
from alembic.util import CommandError

from app.db.migration_ops.plugin import offline, operation, stop_script_if


@operation
def refuse_while_any(
    op: Operations, table: str, condition: str, *, because: str, unless: str
) -> None:
    """Raise CommandError if a row fulfils the condition, unless `-x <unless>` was given."""
    name, _, value = unless.partition("=")
    if op.get_context().opts.get("x", {}).get(name) == value:
        return
    if offline(op):
        stop_script_if(op, f"EXISTS (SELECT FROM {table} WHERE {condition})", because)
        return
    query = sa.text(f"SELECT count(*) FROM {table} WHERE {condition}")
    count = op.get_bind().execute(query).scalar_one()
    if count:
        raise CommandError(f"{count} row(s) of {table}: {because}")

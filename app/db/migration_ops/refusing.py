"""What a downgrade would break for older code, it refuses to do unasked."""
# ruff: noqa: S608, the names in these statements are the revisions' own, never from outside

import sqlalchemy as sa
from alembic.operations import Operations
from alembic.util import CommandError

from app.db.migration_ops.plugin import offline, operation


@operation
def refuse_while_any(
    op: Operations, table: str, condition: str, *, because: str, unless: str
) -> None:
    """No row of the table fulfils the condition, or `-x <unless>` was given, or this ends here."""
    name, _, value = unless.partition("=")
    if op.get_context().opts.get("x", {}).get(name) == value:
        return
    if offline(op):
        said = because.replace("'", "''")
        op.execute(
            f"DO $$ BEGIN IF EXISTS (SELECT FROM {table} WHERE {condition}) "
            f"THEN RAISE EXCEPTION '{said}'; END IF; END $$"
        )
        return
    count = (
        op.get_bind()
        .execute(sa.text(f"SELECT count(*) FROM {table} WHERE {condition}"))
        .scalar_one()
    )
    if count:
        raise CommandError(f"{count} row(s) of {table}: {because}")

"""How revisions are run; what they share is in app/db/migration_ops."""

import dataclasses
import logging
from contextlib import nullcontext
from functools import partial

from alembic import context
from alembic.util import CommandError

from app import db, log, settings
from app.db import migration_ops
from app.db.migration_ops import running, steps
from app.db.models import metadata
from app.db.types import UtcDateTime
from app.errors import InvalidSetting

assert migration_ops.__all__  # noqa: S101, importing it is what brings the operations

DROP_EMPTY_VERSION_TABLE = (
    "DO $$ BEGIN IF to_regclass('alembic_version') IS NOT NULL THEN "
    "IF NOT EXISTS (SELECT FROM alembic_version) THEN DROP TABLE alembic_version; "
    "END IF; END IF; END $$"
)
"""A downgrade to base leaves it behind, and the script of an upgrade begins with its creation."""
BE_ALONE = (
    f"DO $$ BEGIN IF NOT pg_try_advisory_lock({running.LOCK_KEY}) THEN "
    "RAISE EXCEPTION 'another migration is running, nothing was changed'; END IF; END $$"
)
LET_OTHERS = f"DO $$ BEGIN PERFORM pg_advisory_unlock({running.LOCK_KEY}); END $$"


def ours(name, type_, _parents):
    """Tables of others in the same database are none of our business."""
    return type_ != "table" or name in metadata.tables


def wanted(_object, _name, _type, reflected, compare_to):
    """Nor is what an owner added to our tables: only what we want can be missing or different."""
    return not reflected or compare_to is not None


def same_type(_context, _inspected, _column, found_type, wanted_type):
    """A found database keeps its own spelling of a type; None asks Alembic for its opinion."""
    families = {frozenset({"INTEGER", "BIGINT"}), frozenset({"DATETIME", "TIMESTAMP"})}
    names = {str(found_type).split("(")[0], str(wanted_type.compile()).split("(")[0]}
    return False if frozenset(names) in families else None


def rendered(type_, item, _autogen_context):
    """A revision must not import the application: our types are written as what they store."""
    return "sa.DateTime()" if type_ == "type" and isinstance(item, UtcDateTime) else False


X_ARGUMENTS = {"discard": "yes", "dedupe": "keep-first", "sealed": "stash"}
"""Each with the one value that it may have."""
given = context.get_x_argument(as_dictionary=True)
if not given.keys() <= X_ARGUMENTS.keys():
    wrong = ", ".join(sorted(given.keys() - X_ARGUMENTS.keys()))
    known = ", ".join(f"{name}={value}" for name, value in X_ARGUMENTS.items())
    raise CommandError(f"-x {wrong} is not known; there are {known}")
for name, value in given.items():
    if value != X_ARGUMENTS[name]:
        one = f"{name}={X_ARGUMENTS[name]}"
        raise CommandError(f"-x {name}={value} is not known; the one way is {one}")

OPTIONS = {
    "target_metadata": metadata,
    "include_name": ours,
    "include_object": wanted,
    "compare_type": same_type,
    "render_item": rendered,
    "transaction_per_migration": True,
    "transactional_ddl": True,
    "x": given,
}


def offline(configured):
    """Write the SQL for a DBA instead of running it."""
    if configured.embedded:
        raise CommandError("--sql is for PostgreSQL: set DATABASE_URL; SQLite upgrades itself")
    context.configure(url=configured.database_url, literal_binds=True, **OPTIONS)
    with context.begin_transaction():
        context.execute(f"SET lock_timeout = {running.LOCK_TIMEOUT_MILLISECONDS}")
        context.execute("SET statement_timeout = 0")
        context.execute(BE_ALONE)
        context.execute(DROP_EMPTY_VERSION_TABLE)
        context.run_migrations()
        context.execute(LET_OTHERS)


def online(configured):
    """Run what is asked for; only a command that moves revisions keeps others waiting."""
    patient = dataclasses.replace(configured, hookonce_database_timeout_seconds=30.0)
    engine = db.create_engine(patient)
    running.require_version(engine)
    alone = running.only_migrator(engine) if moves() else nullcontext()
    try:
        with running.in_one_line(engine), alone:
            running.patiently(engine, partial(migrate, decided=[]))
    finally:
        engine.dispose()  # a pooled connection would go on holding the lock


def migrate(connection, decided):
    orphans = running.orphan_count(connection)
    connection.rollback()

    def refuse_orphans(ctx, **_):
        now = running.orphan_count(ctx.connection)
        if now > orphans:
            raise CommandError(f"{now - orphans} rows would lose their parent; nothing was changed")

    context.configure(connection=connection, on_version_apply=refuse_orphans, **OPTIONS)
    steps.keep_to(decided, context.get_context(), context.script)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()


def moves():
    try:
        context.get_revision_argument()
    except KeyError:
        return False
    return True


try:
    configured = settings.from_environment()
except InvalidSetting as error:
    raise CommandError(str(error)) from None
if not logging.getLogger().handlers:
    log.configure(configured.hookonce_log_level, configured.hookonce_log_format)
logging.getLogger("alembic.util.messaging").setLevel(logging.CRITICAL)  # FAILED: says it already
if context.is_offline_mode():
    offline(configured)
else:
    online(configured)

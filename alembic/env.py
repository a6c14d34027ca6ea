"""Run the revisions; the operations that they share are in app/db/migration_ops."""

import dataclasses
import logging
import warnings
from contextlib import nullcontext
from functools import partial

from alembic import context
from alembic.util import CommandError
from sqlalchemy.exc import SAWarning

from app import db, log, settings
from app.db import migration_drafts, migration_ops, schema, shard_key, version_table
from app.db.migration_ops import (
    discards,
    mending,
    migration_lock,
    offline_mending,
    orphans,
    running,
    shard_keys,
    steps,
    version_takeover,
)
from app.db.models import metadata
from app.db.types import UtcDateTime
from app.errors import InvalidSetting

assert migration_ops.__all__  # noqa: S101, the import registers the operations

# a table may have an index on an expression, and columns of types that SQLAlchemy does not know
for began in ("Skipped unsupported reflection", "Did not recognize type"):
    warnings.filterwarnings("ignore", began, SAWarning)

DROP_EMPTY_VERSION_TABLE = (
    f"DO $$ BEGIN IF to_regclass('{version_table.NAME}') IS NOT NULL THEN "
    f"IF NOT EXISTS (SELECT FROM {version_table.NAME}) THEN DROP TABLE {version_table.NAME}; "
    "END IF; END IF; END $$"
)
"""A downgrade to base leaves the empty table, and the script of an upgrade creates it anew."""
LOCK = (
    f"DO $$ BEGIN IF NOT pg_try_advisory_lock({migration_lock.LOCK_KEY}) THEN "
    "RAISE EXCEPTION 'another migration is running; nothing was changed'; END IF; END $$"
)
REFUSE_NARROW_ENCODING = (
    "DO $$ BEGIN IF current_setting('server_encoding') <> 'UTF8' THEN RAISE EXCEPTION USING "
    "MESSAGE = 'the database has the encoding ' || current_setting('server_encoding') || "
    "', which cannot hold every text; nothing was changed'; END IF; END $$"
)
REFUSE_FOUND = (
    f"DO $$ BEGIN IF to_regclass('{version_table.FOUND_RECORD}') IS NOT NULL THEN RAISE EXCEPTION "
    "'tables of an older system were adopted: run alembic downgrade, which gives them back'; "
    "END IF; END $$"
)
"""Refusal before any change: an index is dropped outside the transaction that would be undone."""
UNLOCK = f"DO $$ BEGIN PERFORM pg_advisory_unlock({migration_lock.LOCK_KEY}); END $$"


def is_our_table(name, type_, _parents):
    """Leave out tables of other applications in the same database."""
    return type_ != "table" or name in metadata.tables


def is_our_object(item, _name, _type, reflected, compare_to):
    """Leave out what an owner added to our tables: only our objects can be missing or differ.

    Keys that PostgreSQL's DDL completes are compared by a test of the whole schema instead.
    """
    completed = any(shard_key.differs_on_postgresql(each) for each in (item, compare_to))
    if completed and context.get_context().dialect.name == "postgresql":
        return False
    return not reflected or compare_to is not None


def type_differs(_context, _inspected, _column, found_type, our_type):
    """Accept an adopted database's own name of a type; None leaves the comparison to Alembic."""
    families = {frozenset({"INTEGER", "BIGINT"}), frozenset({"DATETIME", "TIMESTAMP"})}
    names = {str(found_type).split("(")[0], str(our_type.compile()).split("(")[0]}
    return False if frozenset(names) in families else None


def rendered(type_, item, _autogen_context):
    """Write our types as what they store: a revision must not import the application.

    A truth value is written for both databases; Alembic writes the 0 of SQLite.
    """
    if type_ == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime()"
    is_truth = type_ == "server_default" and str(getattr(item, "arg", "")) in ("true", "false")
    return f"sa.{item.arg}()" if is_truth else False


X_ARGUMENTS = {"discard": "yes", "dedupe": "keep-first", "sealed": "stash", "direct": "yes"}
"""The options of -x, each with its only value."""
x_arguments = context.get_x_argument(as_dictionary=True)
if not x_arguments.keys() <= X_ARGUMENTS.keys():
    wrong = ", ".join(sorted(x_arguments.keys() - X_ARGUMENTS.keys()))
    known = ", ".join(f"{name}={value}" for name, value in X_ARGUMENTS.items())
    raise CommandError(f"-x {wrong} is unknown; the options are {known}")
for name, value in x_arguments.items():
    if value != X_ARGUMENTS[name]:
        message = f"-x {name}={value} is unknown; the only value is {X_ARGUMENTS[name]}"
        raise CommandError(message)

OPTIONS = {
    "target_metadata": metadata,
    "include_name": is_our_table,
    "include_object": is_our_object,
    "compare_type": type_differs,
    "render_item": rendered,
    "transaction_per_migration": True,
    "transactional_ddl": True,
    "x": x_arguments,
}


def offline(configured):
    """Write the SQL for a DBA, instead of running it."""
    if configured.embedded:
        raise CommandError("--sql is for PostgreSQL: set DATABASE_URL; SQLite upgrades itself")
    context.configure(
        url=configured.database_url,
        literal_binds=True,
        on_version_apply=discards.discard_after,
        version_table=version_table.NAME,
        **OPTIONS,
    )
    with context.begin_transaction():
        context.execute(f"SET lock_timeout = {running.LOCK_TIMEOUT_MILLISECONDS}")
        context.execute("SET statement_timeout = 0")
        context.execute(running.NO_SESSION_LIMITS)
        context.execute(running.READ_COMMITTED)
        context.execute(LOCK)
        if mending.is_upgrade(context.get_context()):
            context.execute(REFUSE_NARROW_ENCODING)
        if discards.is_downgrade(context.get_context()):
            context.execute(REFUSE_FOUND)
            if goes_below_spread_keys():
                context.execute(shard_keys.REFUSE_SPREAD)
        (start,) = context.get_context().get_current_heads() or (None,)
        context.execute(offline_mending.refuse_interrupted(start))
        context.execute(version_takeover.refuse_other_revision(start))
        context.execute(DROP_EMPTY_VERSION_TABLE)
        if start is not None:
            context.execute(offline_mending.statement(start, context.script))
            context.execute(version_takeover.take_over_offline(start))
        context.run_migrations()
        if context.get_revision_argument() is None:
            context.execute(version_takeover.DROP_VIEW_AT_BASE_OFFLINE)
        context.execute(UNLOCK)


def online(configured):
    """Run the command; only one that changes the revision locks out other migrations."""
    with_long_timeout = dataclasses.replace(configured, hookonce_database_timeout_seconds=30.0)
    engine = db.create_engine(with_long_timeout)
    running.require_version(engine)
    pause = context.config.attributes.get("pause")
    lock = migration_lock.only_migrator(engine, pause) if changes_revision() else nullcontext()
    try:
        with running.in_one_line(engine), lock:
            running.with_lock_retries(engine, partial(migrate, decided=[]))
    finally:
        engine.dispose()  # a pooled connection would keep holding the lock


def migrate(connection, decided):
    """Run the revisions on the connection; stop if rows would lose their parent."""
    with orphans.noting_children(connection) as children:
        run_steps(connection, decided, children)
    connection.commit()


def run_steps(connection, decided, children):
    """Run the revisions; count orphans after each step that removed something."""
    if changes_revision():
        version_takeover.take_over(connection, schema.history())
    in_use = version_table.in_use(connection, schema.history())
    connection.rollback()  # in an open transaction all steps would commit together

    def refuse_orphans(ctx, **_):
        more = orphans.more(ctx.connection, children)
        children.clear()
        if more:
            raise CommandError(f"{more} rows would lose their parent; nothing was changed")

    after_each_step = [discards.discard_after, refuse_orphans]
    context.configure(
        connection=connection,
        process_revision_directives=migration_drafts.rewriter(context.script),
        on_version_apply=after_each_step,
        version_table=in_use,
        dont_mutate=True,  # the first step creates the version table: see steps.py
        **OPTIONS,
    )
    upgrades = mending.is_upgrade(context.get_context())
    downgrades = discards.is_downgrade(context.get_context())
    if upgrades or downgrades:
        running.require_schema(connection)
        connection.rollback()
    if upgrades:
        running.require_unicode(connection)
        connection.rollback()
    if upgrades or downgrades:
        running.require_every_row(connection)
        connection.rollback()
    steps.keep_to(decided, context.get_context(), context.script)
    with context.begin_transaction():
        context.run_migrations()
        if upgrades:
            mending.mend_after(context.get_context(), list(schema.history()))
        if downgrades:
            discards.discard_above(context.get_context())
            version_takeover.drop_view_at_base(context.get_context())


def goes_below_spread_keys():
    """Return True if the script takes back the keys that spread tables need."""
    revisions = schema.history()
    below = revisions[: revisions.index(shard_keys.SINCE)]
    (start,) = context.get_context().get_current_heads() or (None,)
    return start not in (None, *below) and context.get_revision_argument() in (None, *below)


def changes_revision():
    """Return True for upgrade, downgrade and stamp, which name a revision."""
    try:
        context.get_revision_argument()
    except KeyError:
        return False
    return True


try:
    given = context.config.attributes.get("settings")  # of a command that migrates another database
    configured = (given or settings.from_environment()).direct
except InvalidSetting as error:
    raise CommandError(str(error)) from None
if not logging.getLogger().handlers:
    log.configure(configured.hookonce_log_level, configured.hookonce_log_format)
logging.getLogger("alembic.util.messaging").setLevel(
    logging.CRITICAL
)  # `FAILED: ...` is printed already
if context.is_offline_mode():
    offline(configured)
else:
    online(configured)

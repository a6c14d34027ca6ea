"""Run migrations: with short lock timeouts and retries, without orphaned rows."""

import logging
import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import exc
from sqlalchemy.engine import Connection, Engine

from app.db import dialects, distributed, pooler, rights
from app.db.errors import is_lock_refused, is_missing, is_read_only, sentence
from app.db.migration_ops import identity, lock_holders, vacuums
from app.db.models import metadata
from app.errors import HookonceError
from app.log import event

LOCK_TIMEOUT_MILLISECONDS = 500
"""Lock timeout of a statement: while it waits for a lock, every writer waits behind it."""
RETRY_LIMIT_SECONDS = 300.0
"""Seconds of waiting for locks after which a migration gives up; its own work does not count."""
RETRY_SECONDS = (0.5, 2.0)
"""Range of the random wait between two tries: two that collided must not collide again."""
OLDEST_SQLITE = (3, 35, 0)

NO_SESSION_LIMITS = """DO $$ BEGIN
    PERFORM set_config(name, '0', false) FROM pg_settings WHERE name IN (
        'idle_session_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout');
    END $$"""
"""Lifts the limits that would end the session of a long step, as far as the server knows them."""
READ_COMMITTED = "SET default_transaction_isolation = 'read committed'"
"""Setting without which a migration fails at the first row that is written meanwhile, where the
transactions of a database are serializable.
"""
_ONE_CONNECTION_TO_A_NODE = "SET citus.multi_shard_modify_mode TO 'sequential'"
"""Setting of Citus for a session that changes the schema and rows in one transaction.

After a statement over several connections Citus refuses to change `triggers`, or a function.
"""

_WITH_HIDDEN_ROWS = """
    SELECT oid::regclass::text FROM pg_class
    WHERE relnamespace = quote_ident(current_schema())::regnamespace AND relkind IN ('r', 'p')
    AND (relname = ANY(:names) OR relname LIKE '\\_stash\\_%') AND row_security_active(oid)
    ORDER BY 1"""

log = logging.getLogger("hookonce.migrate")


@contextmanager
def in_one_line(engine: Engine) -> Iterator[None]:
    """Turn errors of the database or its files, and Ctrl-C, into one sentence each."""
    try:
        yield
    except KeyboardInterrupt:
        raise CommandError(
            "interrupted; the revision that was under way is not applied, run the same command "
            "again to do the rest"
        ) from None
    except (exc.DBAPIError, exc.PendingRollbackError, engine.dialect.loaded_dbapi.Error) as error:
        raise CommandError(_told(engine, error)) from error
    except HookonceError as error:
        raise CommandError(str(error)) from None
    except OSError as error:
        raise CommandError(f"{error.strerror}: {error.filename}") from error


def _told(engine: Engine, error: BaseException) -> str:
    """Return the sentence that tells what failed, and what to do."""
    again = "run the same command again once the cause is gone"
    cause = getattr(error, "orig", None) or _first_cause(error)
    if isinstance(error, exc.DBAPIError) and error.statement is None:
        return f"the database could not be reached: {sentence(cause)}; {again}"
    trouble = "the connection to the database was lost"
    if is_read_only(cause):
        trouble = "the database takes no writes, as a standby or by default_transaction_read_only"
    elif isinstance(error, exc.DBAPIError):
        trouble = f"{engine.dialect.name} {_version(engine)}"
    question = " (was the database only stamped?)" if is_missing(cause) else ""
    applied = "the revision that was under way is not applied"
    return f"{trouble}: {sentence(cause)}{question}; {applied}, {again}"


def _first_cause(error: BaseException) -> BaseException:
    """Return the driver's error that led to this one."""
    while error.__context__ is not None:
        error = error.__context__
    return error


def require_version(engine: Engine) -> None:
    """Raise CommandError if SQLite is too old for the migrations."""
    if engine.dialect.name == "sqlite" and sqlite3.sqlite_version_info < OLDEST_SQLITE:
        oldest = ".".join(map(str, OLDEST_SQLITE))
        raise CommandError(
            f"SQLite {sqlite3.sqlite_version} cannot drop a column or index a part of a table "
            f"safely: Python here needs SQLite {oldest} or newer; nothing was changed"
        )


def require_schema(connection: Connection) -> None:
    """Raise CommandError if `search_path` leads to no schema: no table would be found or made."""
    if connection.dialect.name != "postgresql":
        return
    role, schema = rights.role_and_schema(connection)
    if schema is not None:
        return
    raise CommandError(
        "search_path names no schema that exists and that this role may use; nothing was changed. "
        f"Run `GRANT USAGE, CREATE ON SCHEMA public TO {role};`, or, if the tables are in another "
        f"schema, `ALTER ROLE {role} SET search_path TO` its name, then run the same command again"
    )


def require_unicode(connection: Connection) -> None:
    """Raise CommandError if the database cannot hold every text that a sender may send."""
    encoding = dialects.narrow_encoding(connection)
    if encoding is not None:
        raise CommandError(
            f"the database has the encoding {encoding}, which cannot hold every text, so that some "
            "events could never be stored; nothing was changed. Create a database with "
            "`CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0`, copy the rows into it "
            "(pg_dump, pg_restore), and run the same command on that one"
        )


def require_every_row(connection: Connection) -> None:
    """Raise CommandError if row-level security hides rows of a table from the migration's role.

    Values of such rows would not be stashed, and go with their column.
    """
    if connection.dialect.name != "postgresql":
        return
    parameters = {"names": list(metadata.tables)}
    tables = connection.scalars(sa.text(_WITH_HIDDEN_ROWS), parameters).all()
    if tables:
        statements = " ".join(f"ALTER TABLE {each} NO FORCE ROW LEVEL SECURITY;" for each in tables)
        raise CommandError(
            f"row-level security may hide rows of {', '.join(tables)} from this role, whose values "
            "would be lost; nothing was changed. Run the same command as a role with BYPASSRLS, or "
            f"as the owner of the tables after `{statements}`"
        )


def _version(engine: Engine) -> str:
    return ".".join(str(part) for part in engine.dialect.server_version_info or ("(unknown)",))


def with_lock_retries(engine: Engine, migrate: Callable[[Connection], None]) -> None:
    """Run `migrate`, and again after each lock timeout or deadlock.

    Raises CommandError after RETRY_LIMIT_SECONDS of waiting. A long copy before the first refused
    lock does not count: it would use up the whole limit.
    """
    waited = 0.0
    while True:
        try:
            with engine.connect() as connection:
                _prepare(connection)
                migrate(connection.execution_options(hookonce_writes=True))
            return
        except exc.OperationalError as error:
            if not is_lock_refused(error):
                raise
            pause = random.uniform(*RETRY_SECONDS)  # noqa: S311, jitter, not a secret
            waited += LOCK_TIMEOUT_MILLISECONDS / 1000 + pause
            holders = lock_holders.named(engine, LOCK_TIMEOUT_MILLISECONDS / 1000)
            if waited > RETRY_LIMIT_SECONDS:
                raise CommandError(
                    f"a lock was held by {holders or 'others'} for {RETRY_LIMIT_SECONDS:.0f} s; "
                    "revisions already applied stay applied, run the same command again"
                ) from error
            fields = {"error": str(error.orig).strip()} | ({"held_by": holders} if holders else {})
            event(log, logging.WARNING, "migration_waits_for_lock", **fields)
            time.sleep(pause)
            waited += vacuums.wait(engine, RETRY_LIMIT_SECONDS - waited)


@contextmanager
def session(engine: Engine) -> Iterator[tuple[Connection, MigrationContext]]:
    """Open a session for a change of the schema that is not a revision."""
    with engine.connect() as connection:
        _prepare(connection)
        connection.execution_options(hookonce_writes=True)
        opts = {"transaction_per_migration": True, "transactional_ddl": True}
        yield connection, MigrationContext.configure(connection, opts=opts)


def _prepare(connection: Connection) -> None:
    """Set what must be set before the first transaction of the session."""
    raw = connection.connection.dbapi_connection
    assert raw is not None  # noqa: S101, for the type checker: the connection is open
    if connection.dialect.name == "sqlite":
        raw.execute("PRAGMA foreign_keys = OFF")
        raw.create_function(identity.DIGEST, 1, identity.digest, deterministic=True)
        return
    if pooler.behind_pooler(connection):
        return  # a command that only reads; its settings would reach other clients
    raw.autocommit = True
    raw.execute(f"SET lock_timeout = {LOCK_TIMEOUT_MILLISECONDS}")
    raw.execute("SET statement_timeout = 0")
    raw.execute(NO_SESSION_LIMITS)
    raw.execute(READ_COMMITTED)
    if distributed.is_distributed(connection):
        raw.execute(_ONE_CONNECTION_TO_A_NODE)
    raw.autocommit = False

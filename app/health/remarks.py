"""Sentences for `hookonce check` on what a person should decide or know; nothing fails by them."""

from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app import db
from app.db import Database, found_triggers
from app.db.models import metadata, pauses, trigger_executions, triggers
from app.executions import blocks, held
from app.installation import migration_command
from app.triggers import unverified

PAUSED_SHOWN = 20
"""Paused triggers that are named."""
_WAIT = "events are admitted and wait for"


def notes(database: Database) -> list[str]:
    """Return sentences on unfinished downgrades, stashes and held executions, at any revision."""
    with database.reading() as connection:
        names = sorted(sa.inspect(connection).get_table_names())
        return [
            *_paused(connection),
            *_narrow_encoding(connection),
            *_pooler(connection),
            *_lossy_commits(connection),
            *_skipped_triggers(connection),
            *_missing_rights(connection),
            *_captures(connection),
            *_remains(connection, names),
            *_held(connection),
            *_unkeyed(connection),
            *_unverified(connection),
        ]


def _paused(connection: Connection) -> Iterator[str]:
    """Name the pause of all triggers and those of single ones, with their reasons."""
    if f"{pauses.name}.reason" not in db.columns(connection):
        yield from _all_paused_without_reason(connection)
        return
    pause = blocks.pause_of_all(connection)
    if pause is not None:
        yield f"ALL TRIGGERS ARE PAUSED {pause.sentence}; {_WAIT} `hookonce trigger resume --all`"
    found = blocks.paused_triggers(connection, PAUSED_SHOWN + 1)
    for slug, paused in found[:PAUSED_SHOWN]:
        yield f"{slug} is paused {paused.sentence}; {_WAIT} `hookonce trigger resume {slug}`"
    if len(found) > PAUSED_SHOWN:
        yield "more triggers are paused: see `hookonce trigger list`"


def _all_paused_without_reason(connection: Connection) -> Iterator[str]:
    """Name the pause of all triggers on a schema in which a pause has no reason yet."""
    if f"{pauses.name}.scope" not in db.columns(connection):
        return
    row = connection.execute(sa.select(pauses.c.paused_at, pauses.c.paused_by)).first()
    if row is not None:
        pause = blocks.Pause(row.paused_at, row.paused_by)
        yield f"ALL TRIGGERS ARE PAUSED {pause.sentence}; {_WAIT} `hookonce trigger resume --all`"


def _narrow_encoding(connection: Connection) -> Iterator[str]:
    encoding = db.narrow_encoding(connection)
    if encoding is not None:
        yield (
            f"the database has the encoding {encoding}: an event with a character that it lacks is "
            "answered 503 for ever; copy the rows into a database with ENCODING 'UTF8'"
        )


def _pooler(connection: Connection) -> Iterator[str]:
    """Describe the differences behind a pooler, and name the time limits that its sessions lack."""
    if not db.behind_pooler(connection):
        return
    yield (
        "a pooler gives each transaction to another session: no statement is kept prepared, and "
        "workers that cannot LISTEN on HOOKONCE_DIRECT_DATABASE_URL look for executions 20 times a "
        "second; HOOKONCE_POOLER=no if the pooler keeps a session for each client"
    )
    missing = db.missing_time_limits(connection)
    if missing:
        yield (
            f"the pooler's sessions have no {' and no '.join(missing)}: a statement that waits for "
            "a lock stays in the server after its request was answered 503; docs/postgresql.md has "
            "the ALTER ROLE that sets them"
        )


def _lossy_commits(connection: Connection) -> Iterator[str]:
    """Warn of commits that a crash of PostgreSQL or a failover loses after they were acknowledged.

    Both are choices of the operator, and break the first promise of the service.
    """
    if db.commits_without_disk(connection):
        yield (
            "ACKNOWLEDGED EVENTS CAN BE LOST: synchronous_commit is off, so a crash of PostgreSQL "
            "loses the events of its last moments; set it to on, for this role too"
        )
    number = db.standbys_not_waited_for(connection)
    if number:
        yield (
            f"A FAILOVER LOSES ACKNOWLEDGED EVENTS: PostgreSQL has {number} standby(s), and its "
            "commits wait for none of them; docs/postgresql.md has synchronous_standby_names, and "
            "the steps after such a failover"
        )


def _skipped_triggers(connection: Connection) -> Iterator[str]:
    """Warn of rows that stay when the row that they belong to is removed."""
    if db.skips_triggers(connection):
        yield (
            "REMOVED ROWS LEAVE OTHERS BEHIND: session_replication_role is replica, so no foreign "
            "key and no database trigger works; run ALTER ROLE ... RESET "
            "session_replication_role, or ALTER DATABASE where it is set there"
        )


def _missing_rights(connection: Connection) -> Iterator[str]:
    """Name the tables that another role made, and that this one may not use."""
    tables = ", ".join(db.tables_without_rights(connection, metadata.tables))
    if tables:
        role, schema = db.role_and_schema(connection)
        yield (
            f"WEBHOOKS MAY BE ANSWERED 503: {role} has not every right on {tables}; run, as the "
            f"owner, `GRANT SELECT, INSERT, UPDATE, DELETE ON {tables} TO {role};` and `GRANT "
            f"USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {role};`"
        )


def _remains(connection: Connection, names: list[str]) -> list[str]:
    """Return sentences on what migrations left; without any, Alembic is not loaded to look.

    Loading it takes as long as all the rest of `hookonce check`.
    """
    hidden = [name for name in db.columns(connection) if "._stash_" in name]
    if not hidden and not any(name.startswith("_") for name in names):
        return []
    from app.health import migration_remains

    return migration_remains.notes(connection, names)


def _captures(connection: Connection) -> list[str]:
    """Name the database triggers with which an interrupted downgrade of an earlier release ran."""
    return [
        f"the trigger {name} is left of a downgrade of an earlier release, and slows every write: "
        f"`{migration_command('upgrade head')}` removes it"
        for name in db.capture_triggers(connection)
    ]


def _held(connection: Connection) -> list[str]:
    if f"{trigger_executions.name}.lease_expires_at" not in db.columns(connection):
        return []
    count = _count(connection, trigger_executions, held.held())
    sentence = f"{count} unfinished execution(s) are held: see `hookonce held list`"
    return [sentence] if count else []


def _unkeyed(connection: Connection) -> list[str]:
    """Name the triggers whose sender gives its events an id that is not their key."""
    columns = triggers.c
    if f"{triggers.name}.idempotency_key_from" not in db.columns(connection):
        return []
    query = sa.select(columns.slug, columns.source).where(
        columns.type == "webhook",
        columns.enabled.is_(True),
        columns.source != "custom",  # it is for any sender, and has no id of its own
        columns.idempotency_key_from.is_(None),
        columns.id > found_triggers.last_id(connection),  # `adoption` has a line for each of those
    )
    rows = connection.execute(query.order_by(columns.id)).all()
    unkeyed = _with_own_ids({row.source for row in rows})
    slugs = [row.slug for row in rows if row.source in unkeyed]
    if not slugs:
        return []
    note = (
        f"each redelivery to {', '.join(slugs)} is a new execution, although the sender repeats "
        "its event id: `hookonce trigger edit NAME --key-from provider` makes it a duplicate, "
        "`--key-from none` keeps it so and ends this note"
    )
    return [note]


def _with_own_ids(names: set[str]) -> set[str]:
    """Return those of the sources whose own id of an event can be its key."""
    if not names:
        return names  # loading the sources takes half as long as the checks
    from app.intake import key, sources

    known = names.intersection(sources.names())
    return {name for name in known if key.of_new_trigger(sources.named(name))}


def _unverified(connection: Connection) -> list[str]:
    slugs = [row.slug for row in unverified.unverified_triggers(connection)]
    if not slugs:
        return []
    return [f"NOTHING IS VERIFIED by {', '.join(slugs)}: the address of a sender is all its proof"]


def _count(
    connection: Connection, table: sa.FromClause, *conditions: sa.ColumnElement[bool]
) -> int:
    query = sa.select(sa.func.count()).select_from(table).where(*conditions)
    return int(connection.execute(query).scalar_one())

"""Sentences for `hookonce check` on what a person should decide or know; nothing fails by them."""

from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app import db
from app.db import Database, found_triggers, stashes
from app.db.migration_ops import former_stashes, identity, parents, rehearsal, steps
from app.db.models import pauses, trigger_executions, triggers
from app.executions import blocks, held
from app.installation import migration_command
from app.intake import key, sources
from app.triggers import warnings

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
            *_unfinished_downgrades(names),
            *_interrupted_copies(names),
            *_captures(connection),
            *_stashes(connection),
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


def _unfinished_downgrades(names: list[str]) -> list[str]:
    return [
        f"the downgrade of {name.removeprefix(steps.UNDOING)} has begun and not finished: "
        f"if no migration is running, run it again, or run `{migration_command('upgrade head')}`"
        for name in names
        if name.startswith(steps.UNDOING)
    ]


def _captures(connection: Connection) -> list[str]:
    """Name the database triggers with which an interrupted downgrade of an earlier release ran."""
    return [
        f"the trigger {name} is left of a downgrade of an earlier release, and slows every write: "
        f"`{migration_command('upgrade head')}` removes it"
        for name in former_stashes.captures(connection)
    ]


def _interrupted_copies(names: list[str]) -> list[str]:
    """Return a sentence if a migration of SQLite copies a table, or was interrupted in it."""
    remains = [name for name in names if name.startswith(rehearsal.NAME_PREFIX)]
    if not remains:
        return []
    sentence = (
        f"{', '.join(remains)} belong to the copy of a table by a migration: if none is running, "
        f"it was interrupted; run it again, or run `{migration_command('upgrade head')}`"
    )
    return [sentence]


def _stashes(connection: Connection) -> Iterator[str]:
    """Name each stash with its size; `hookonce stash drop` drops it."""
    for stash in stashes.listed(connection):
        size = f"about {stash.size_bytes} bytes"
        if stash.column is not None:
            yield f"{stash.name} is a column that a downgrade hid ({size}): an upgrade shows it"
        elif not stash.name.endswith(parents.SUFFIX):
            yield f"{stash.name} holds {stash.values} row(s) that {_origin(stash.name)} ({size})"


def _origin(stash: str) -> str:
    if identity.UNMATCHED not in stash:
        return "a downgrade stashed"
    return (
        "an upgrade did not restore: their rows were deleted meanwhile, and other rows may have "
        "their ids; `hookonce stash drop` drops the table once you do not need it"
    )


def _held(connection: Connection) -> list[str]:
    if f"{trigger_executions.name}.lease_expires_at" not in db.columns(connection):
        return []
    count = _count(connection, trigger_executions, held.held())
    if not count:
        return []
    return [f"{count} unfinished execution(s) are held: see `hookonce held list`"]


def _unkeyed(connection: Connection) -> list[str]:
    """Name the triggers whose sender gives its events an id that is not their key."""
    columns = triggers.c
    if f"{triggers.name}.idempotency_key_from" not in db.columns(connection):
        return []
    unkeyed = [name for name in sources.names() if key.of_new_trigger(sources.named(name))]
    query = sa.select(columns.slug).where(
        columns.type == "webhook",
        columns.enabled.is_(True),
        columns.source.in_(unkeyed),
        columns.idempotency_key_from.is_(None),
        columns.id > found_triggers.last_id(connection),  # `adoption` has a line for each of those
    )
    slugs = connection.execute(query.order_by(columns.id)).scalars().all()
    if not slugs:
        return []
    note = (
        f"each redelivery to {', '.join(slugs)} is a new execution, although the sender repeats "
        "its event id: `hookonce trigger edit NAME --key-from provider` makes it a duplicate, "
        "`--key-from none` keeps it so and ends this note"
    )
    return [note]


def _unverified(connection: Connection) -> list[str]:
    slugs = [row.slug for row in warnings.unverified_triggers(connection)]
    if not slugs:
        return []
    return [f"NOTHING IS VERIFIED by {', '.join(slugs)}: the address of a sender is all its proof"]


def _count(
    connection: Connection, table: sa.FromClause, *conditions: sa.ColumnElement[bool]
) -> int:
    query = sa.select(sa.func.count()).select_from(table).where(*conditions)
    return int(connection.execute(query).scalar_one())

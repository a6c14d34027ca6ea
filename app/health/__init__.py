"""Checks of the database: the same ones for `hookonce check` and for /readyz.

Nothing here repairs what a check finds, and the event that a check admits is rolled back.
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DataError, IntegrityError

from app import db, lifecycle
from app.db import Database, deduplication, fitness, schema, time_limit
from app.db.models import metadata, trigger_executions, triggers
from app.errors import HookonceError
from app.executions import workers
from app.executions.creation import initial_values
from app.health.remarks import notes
from app.installation import migration_command
from app.intake import admit
from app.intake.message import Admission, AdmissionRequest, Request
from app.settings import Settings
from app.triggers import sealing

__all__ = [
    "Finding",
    "admission",
    "direct_url",
    "findings",
    "notes",
    "secrets_open",
    "workers_alive",
]
_DIRECT = "HOOKONCE_DIRECT_DATABASE_URL cannot be used"
LOCK_SECONDS = 1.0
"""Seconds that the trial of a write waits for a lock; no writer of ours holds one that long."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check."""

    name: str
    passed: bool
    detail: str
    warns: bool = False
    """True if a person should read the detail although the check passed."""


def findings(database: Database) -> list[Finding]:
    """Check that the database answers, is at head, keeps duplicates out, and stores events.

    The list ends with the first check that fails: the later ones depend on it.
    """
    return list(_until_one_fails(database))


def workers_alive(database: Database, *, needed: bool) -> Finding:
    """Check that a worker is alive; without one events are admitted, and nothing runs them."""
    try:
        with database.reading() as connection:
            alive = workers.live(connection)
    except HookonceError as error:
        return Finding("workers", False, str(error))
    missing = alive.count == 0
    return Finding("workers", not (missing and needed), alive.sentence, warns=missing)


def secrets_open(database: Database) -> Finding:
    """Check that our keys open every sealed secret.

    Only `hookonce check` does it: one trigger's lost key must not take a node out of service.
    """
    with database.reading() as connection:
        counts = sealing.counts(connection)
        unopened = sealing.unopened(connection, database.secret_box)
    if not unopened:
        detail = f"{counts['sealed']} sealed, {counts['clear']} not sealed"
        return Finding("secrets", True, detail)
    return Finding(
        "secrets",
        False,
        f"HOOKONCE_SECRET_KEY does not open the secrets of {', '.join(unopened[:10])}: their "
        "webhooks are answered 503 until it holds the key, or until their secrets are rotated",
    )


def direct_url(database: Database, settings: Settings) -> list[Finding]:
    """Check that the direct URL, if there is one, leads past the pooler to the same database.

    A migration would otherwise change another database than the service's.
    """
    if not settings.hookonce_direct_database_url:
        return []
    direct = Database(settings.direct)
    try:
        with database.reading() as ours, direct.reading() as theirs:
            is_same = db.server_and_name(ours) == db.server_and_name(theirs)
            fault = "it leads to another database" if not is_same else None
            if db.behind_pooler(theirs):
                fault = "it leads to a pooler too"
    except HookonceError as error:
        fault = str(error)
    finally:
        direct.dispose()
    detail = "HOOKONCE_DIRECT_DATABASE_URL leads to the same database, and to no pooler"
    return [Finding("direct", fault is None, detail if fault is None else f"{_DIRECT}: {fault}")]


def admission(database: Database) -> Finding:
    """Check that an event can be admitted and settled, in a transaction that is rolled back.

    Only `hookonce check` does it: it writes, and a probe asks every second.
    """
    try:
        with database.reading() as connection:
            unfit = fitness.misfits(connection)
        if unfit:
            return Finding("admission", False, "; ".join(map(str, unfit)))
        with database.writing() as connection:
            _admit_and_settle(connection, schema.SchemaWatch(database).current())
            raise _RollBack
    except _RollBack:
        return Finding("admission", True, "an event was admitted, settled and rolled back")
    except (IntegrityError, DataError) as error:
        return Finding("admission", False, " ".join(str(error.orig).split()))
    except HookonceError as error:
        return Finding("admission", False, " ".join(str(error).split()))


class _RollBack(Exception):
    """The trial succeeded; raised to roll its transaction back."""


def _admit_and_settle(connection: Connection, schema: schema.Schema) -> None:
    """Write every column that receiving and running write, with the longest values."""
    described = fitness.trigger_on_trial()
    made = sa.insert(triggers).values(described).returning(triggers.c.id)
    trigger_id = connection.execute(made).scalar_one()
    event = Admission('{"event_type":"check"}', "k" * 255)
    incoming = AdmissionRequest(trigger_id, [event], Request(str(trigger_id), {}, b"{}"))
    verdict = admit.admit_one(connection, schema, incoming, event)
    longest = "x" * fitness.LONGEST_SUMMARY
    settled = {
        "status": lifecycle.FAILED_RETRYABLE,
        "error": longest,
        "error_category": lifecycle.TRANSIENT,
        "result_summary": longest,
        "duration_seconds": 0.5,
        "started_at": db.utc_now(),
        "completed_at": db.utc_now(),
    }
    columns = trigger_executions.c
    same = (db.same_trigger(columns.trigger_id, trigger_id), columns.id == verdict.execution_id)
    connection.execute(sa.update(trigger_executions).where(*same).values(settled))


def _until_one_fails(database: Database) -> Iterator[Finding]:
    for name, check in _CHECKS.items():
        try:
            finding = Finding(name, True, check(database))
        except HookonceError as error:
            finding = Finding(name, False, str(error))
        yield finding
        if not finding.passed:
            return


def _answers(database: Database) -> str:
    with database.reading() as connection:
        connection.execute(sa.select(1))
        return f"{db.server_version(connection)} answers"


def _stands_at_head(database: Database) -> str:
    schema.require(database)
    return f"at revision {schema.history()[-1]}, as this code needs"


def _keeps_duplicates_out(database: Database) -> str:
    """Check the index itself: the plan of the look-up depends on the number of rows today."""
    table = trigger_executions.name
    with database.reading() as connection:
        if not sa.inspect(connection).has_table(table):
            raise HookonceError(f"there is no table {table}: was the database only stamped?")
        wanted = deduplication.definition()
        index = deduplication.read(connection)
        if index.fault is not None:
            _require_columns(connection)
    if index.fault is not None:
        raise HookonceError(deduplication.explanation(index.fault))
    return f"{wanted.name} is valid, unique on {', '.join(wanted.columns)} where {wanted.where}"


def _require_columns(connection: Connection) -> None:
    """Raise HookonceError if columns of this revision are missing: no upgrade would add them."""
    needed = {f"{each.table.name}.{each.name}" for t in metadata.sorted_tables for each in t.c}
    missing = sorted(needed - db.columns(connection))
    if missing:
        raise HookonceError(
            f"{len(missing)} columns of this revision are missing, such as {missing[0]}: was the "
            f"database only stamped? Run `{migration_command('stamp REVISION')}` with the revision "
            f"that it really has, or `base`, then `{migration_command('upgrade head')}`"
        )


def _stores_events(database: Database) -> str:
    """Insert an execution, take it back, and commit: a full disk shows at the commit only."""
    try:
        with time_limit.of(LOCK_SECONDS), database.writing() as connection:
            db.limit_lock_wait(connection, LOCK_SECONDS)
            with suppress(_RollBack), connection.begin_nested():
                _insert_on_trial(connection)
                raise _RollBack
            db.try_write(connection)
    except (IntegrityError, DataError) as error:
        raise HookonceError(" ".join(str(error.orig).split())) from error
    return "an event was stored and taken back"


def _insert_on_trial(connection: Connection) -> None:
    """Insert an execution of any trigger; its id is negative, so that no sequence moves on."""
    any_trigger = sa.select(triggers.c.id).limit(1)
    locked = any_trigger.with_for_update(read=True, key_share=True, skip_locked=True)
    trigger_id = connection.execute(locked).scalar()
    if trigger_id is None:
        return  # without a trigger no event can be admitted anyway
    values = {
        "id": -1 - secrets.randbelow(2**31 - 1),
        "trigger_id": trigger_id,
        "event_data": "{}",
        "idempotency_key": f"hookonce check {secrets.token_hex(16)}",
        **initial_values(),
    }
    connection.execute(sa.insert(trigger_executions).values(values))


_CHECKS: dict[str, Callable[[Database], str]] = {
    "database": _answers,
    "schema": _stands_at_head,
    "deduplication": _keeps_duplicates_out,
    "writing": _stores_events,
}

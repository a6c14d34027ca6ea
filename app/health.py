"""Is the database fit for duty? The same questions for `hookonce check` and for /readyz."""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DataError, IntegrityError

from app import clock, db, lifecycle
from app.db import IDEMPOTENCY_INDEX, Database, schema
from app.db.migration_ops import fitness, indexes, steps
from app.db.models import trigger_executions, triggers
from app.errors import HookonceError
from app.executions import held
from app.intake import admit
from app.intake.message import Admission, AdmissionRequest, Request
from app.triggers import sealing

STASH_PREFIX = "_stash_"
_INDEX = next(each for each in trigger_executions.indexes if each.name == IDEMPOTENCY_INDEX)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at, and how it stands."""

    name: str
    passed: bool
    detail: str


def findings(database: Database) -> list[Finding]:
    """Whether the database answers, stands at head, and keeps duplicates out."""
    return list(_until_one_fails(database))


def notes(database: Database) -> list[str]:
    """What a person should know, at whatever revision: stashes, executions held back."""
    with database.reading() as connection:
        names = sorted(sa.inspect(connection).get_table_names())
        return [*_broken_off(names), *_stashes(connection, names), *_held(connection)]


def secrets_open(database: Database) -> Finding:
    """Whether our keys open every sealed secret.

    For `hookonce check` alone: one trigger's lost key must not take a whole node out of service.
    """
    with database.reading() as connection:
        counts = sealing.counts(connection)
        unopened = sealing.unopened(connection, database.secret_box)
    if not unopened:
        detail = f"{counts['sealed']} sealed, {counts['clear']} in the clear"
        return Finding("secrets", True, detail)
    return Finding(
        "secrets",
        False,
        f"HOOKONCE_SECRET_KEY does not open those of {', '.join(unopened[:10])}: their webhooks "
        "are answered 503 until it does, or until they are given new ones",
    )


def admission(database: Database) -> Finding:
    """Whether an event can be admitted and settled: it is tried, and taken back.

    For `hookonce check` alone: it writes, which is no question for a probe to ask every second.
    """
    try:
        with database.reading() as connection:
            unfit = fitness.misfits(connection)
        if unfit:
            return Finding("admission", False, "; ".join(map(str, unfit)))
        with database.writing() as connection:
            _admit_and_settle(connection, schema.SchemaWatch(database).current())
            raise _TakenBack
    except _TakenBack:
        return Finding("admission", True, "an event was admitted and settled, and taken back")
    except (IntegrityError, DataError) as error:
        return Finding("admission", False, " ".join(str(error.orig).split()))
    except HookonceError as error:
        return Finding("admission", False, " ".join(str(error).split()))


class _TakenBack(Exception):
    """The trial went well, and its transaction is to be rolled back."""


def _admit_and_settle(connection: Connection, schema: schema.Schema) -> None:
    """Every column that receiving and running write is written, as long as it can get."""
    described = {
        "name": "hookonce check",
        "slug": f"hookonce-check-{secrets.token_hex(8)}",
        "type": "webhook",
        "source": "custom",
        "action_type": "script",
        "action_payload": "",
        "secret": secrets.token_hex(32),
        "enabled": True,
        "from_yaml": False,
        "created_at": clock.now(),
        "updated_at": clock.now(),
    }
    made = sa.insert(triggers).values(described).returning(triggers.c.id)
    trigger_id = connection.execute(made).scalar_one()
    event = Admission('{"event_type":"check"}', "k" * 255)
    incoming = AdmissionRequest(trigger_id, [event], Request(str(trigger_id), {}, b"{}"))
    verdict = admit.admit_one(connection, schema, incoming, event)
    said = "x" * fitness.LONGEST_SUMMARY
    settled = {
        "status": lifecycle.FAILED_RETRYABLE,
        "error": said,
        "error_category": lifecycle.TRANSIENT,
        "result_summary": said,
        "duration_seconds": 0.5,
        "started_at": db.utc_now(),
        "completed_at": db.utc_now(),
    }
    same = trigger_executions.c.id == verdict.execution_id
    connection.execute(sa.update(trigger_executions).where(same).values(settled))


def _until_one_fails(database: Database) -> Iterator[Finding]:
    for name, look in _QUESTIONS.items():
        try:
            finding = Finding(name, True, look(database))
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
    return f"at revision {schema.history()[-1]}, which this code needs"


def _keeps_duplicates_out(database: Database) -> str:
    """By what the index is: which one answers the look-up hangs on how many rows there are now."""
    table, wanted = trigger_executions, _INDEX.columns.keys()
    with database.reading() as connection:
        if not sa.inspect(connection).has_table(table.name):
            raise HookonceError(f"there is no table {table.name}: was it only stamped?")
        where = db.index_condition(connection, _INDEX)
        if not indexes.is_as_defined(
            connection, IDEMPOTENCY_INDEX, table.name, wanted, unique=True, where=where
        ):
            raise HookonceError(
                f"the unique index {IDEMPOTENCY_INDEX} is missing, invalid or another one: "
                "duplicates would be admitted; run `alembic downgrade 0001` and "
                "`alembic upgrade head` to build it again"
            )
    return f"{IDEMPOTENCY_INDEX} is valid, unique on {', '.join(wanted)} where {where}"


_QUESTIONS: dict[str, Callable[[Database], str]] = {
    "database": _answers,
    "schema": _stands_at_head,
    "deduplication": _keeps_duplicates_out,
}


def _broken_off(names: list[str]) -> list[str]:
    return [
        f"the downgrade of {name.removeprefix(steps.UNDOING)} was begun and has not ended: "
        "if none runs, run it again, or run `alembic upgrade head`"
        for name in names
        if name.startswith(steps.UNDOING)
    ]


def _stashes(connection: Connection, names: list[str]) -> list[str]:
    return [
        f"{name} keeps {_count(connection, sa.table(name))} row(s) that a migration took away"
        for name in names
        if name.startswith(STASH_PREFIX)
    ]


def _held(connection: Connection) -> list[str]:
    if f"{trigger_executions.name}.lease_expires_at" not in db.columns(connection):
        return []
    count = _count(connection, trigger_executions, held.held())
    if not count:
        return []
    return [f"{count} execution(s) found unfinished are held back: see `hookonce held list`"]


def _count(
    connection: Connection, table: sa.FromClause, *conditions: sa.ColumnElement[bool]
) -> int:
    query = sa.select(sa.func.count()).select_from(table).where(*conditions)
    return int(connection.execute(query).scalar_one())

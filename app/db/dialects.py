"""Expressions and statements that differ between SQLite and PostgreSQL."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from app.db.id_lists import of_few_lengths
from app.db.types import UtcDateTime


class utc_now(FunctionElement[Any]):  # noqa: N801, it reads as the SQL function that it is
    """The current time by the database's clock, which leases use. `utc_now(30)` is in 30 s."""

    inherit_cache = True
    type = UtcDateTime()

    def __init__(self, seconds: float | sa.ColumnElement[float] = 0.0) -> None:
        is_expression = isinstance(seconds, sa.ColumnElement)
        super().__init__(seconds if is_expression else sa.literal(float(seconds), sa.Float))


@compiles(utc_now, "sqlite")
def _utc_now_sqlite(element: utc_now, compiler: Any, **options: Any) -> str:
    seconds = compiler.process(element.clauses, **options)
    # SQLite has milliseconds; the zeros make it sort with the microseconds of SQLAlchemy
    return f"(strftime('%Y-%m-%d %H:%M:%f', 'now', ({seconds}) || ' seconds') || '000')"


@compiles(utc_now, "postgresql")
def _utc_now_postgresql(element: utc_now, compiler: Any, **options: Any) -> str:
    seconds = compiler.process(element.clauses, **options)
    # clock_timestamp() is volatile: an index cannot be searched by it, only scanned
    return f"(timezone('utc', statement_timestamp()) + make_interval(secs => {seconds}))"


class seconds_since(FunctionElement[Any]):  # noqa: N801, it reads as the SQL function that it is
    """Seconds since a time, by the database's clock; NULL if the stored time is unreadable."""

    inherit_cache = True
    type = sa.Float()


@compiles(seconds_since, "sqlite")
def _seconds_since_sqlite(element: seconds_since, compiler: Any, **options: Any) -> str:
    moment = compiler.process(element.clauses, **options)
    return SECONDS_SINCE["sqlite"].format(moment=moment)


@compiles(seconds_since, "postgresql")
def _seconds_since_postgresql(element: seconds_since, compiler: Any, **options: Any) -> str:
    moment = compiler.process(element.clauses, **options)
    return SECONDS_SINCE["postgresql"].format(moment=moment)


SECONDS_SINCE = {
    "sqlite": "((julianday('now') - julianday({moment})) * 86400.0)",
    # an adopted row may hold infinity, from which no seconds can be counted
    "postgresql": "(CASE WHEN isfinite({moment}) THEN extract(epoch FROM "
    "timezone('utc', statement_timestamp()) - {moment})::float8 END)",
}


_COSTLY_CONDITION = (
    "({condition} OR (SELECT count(*) FROM generate_series(1, 1000000) AS n WHERE n > {id}) = 0)"
)
ONLY_BY_KEY = _COSTLY_CONDITION.format(condition="idempotency_key IS NOT NULL", id="id")
"""`prefer_partial_index` for the look-up of a key, in statements written as text."""


class prefer_partial_index(FunctionElement[Any]):  # noqa: N801, as those above
    """A hint, beside a condition that holds anyway, to use the partial index of that condition.

    `prefer_partial_index(condition, id)` does not change the result, and is never computed where
    the condition holds. PostgreSQL knows it from that index's predicate and drops it from the plan
    (unless rows are locked); for a plan by any other index it looks far too costly. Without the
    hint the planner prefers the trigger's index until statistics show that the table has grown, or
    if one trigger has many more executions than most; then each webhook and each claim reads all
    of them. SQLite takes the index that fits best, and needs no hint.
    """

    inherit_cache = True
    type = sa.Boolean()


@compiles(prefer_partial_index, "sqlite")
def _prefer_sqlite(_element: prefer_partial_index, _compiler: Any, **_options: Any) -> str:
    return "1"


@compiles(prefer_partial_index, "postgresql")
def _prefer_postgresql(element: prefer_partial_index, compiler: Any, **options: Any) -> str:
    condition, id_ = (compiler.process(each, **options) for each in element.clauses)
    return _COSTLY_CONDITION.format(condition=condition, id=id_)


class without_index(FunctionElement[Any]):  # noqa: N801, as those above
    """A column kept off its own index in SQLite, which would read all rows of the table by it.

    In PostgreSQL it is the plain column, so that its condition can use any index that has it.
    """

    inherit_cache = True
    type = sa.Integer()


@compiles(without_index, "sqlite")
def _without_index_sqlite(element: without_index, compiler: Any, **options: Any) -> str:
    return f"({compiler.process(element.clauses, **options)} + 0)"


@compiles(without_index, "postgresql")
def _without_index_postgresql(element: without_index, compiler: Any, **options: Any) -> str:
    return str(compiler.process(element.clauses, **options))


def try_advisory_lock(connection: Connection, key: int) -> bool:
    """Try to take the transaction-level advisory lock `key`; False if another session holds it."""
    if connection.dialect.name != "postgresql":
        return True  # SQLite has only one writing transaction at a time
    return bool(connection.execute(sa.select(sa.func.pg_try_advisory_xact_lock(key))).scalar())


def advisory_lock(connection: Connection, key: int) -> None:
    """Wait for the transaction-level advisory lock `key`."""
    if connection.dialect.name == "postgresql":  # SQLite has one writing transaction at a time
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))


def combines_statements(engine_or_connection: Engine | Connection) -> bool:
    """Return whether one statement can change several tables: not on SQLite, nor with Citus."""
    dialect = engine_or_connection.dialect
    return dialect.name == "postgresql" and not getattr(dialect, "distributed", False)


def skip_locked(statement: sa.Select[Any]) -> sa.Select[Any]:
    """Lock the rows that the statement selects, and leave out those that others have locked.

    So each claimer takes other rows. FOR NO KEY UPDATE: a row that refers to one of these may be
    inserted meanwhile. For SQLite nothing of it is written: its write lock admits one claimer.
    """
    return statement.with_for_update(key_share=True, skip_locked=True)


@contextmanager
def replanned(connection: Connection) -> Iterator[None]:
    """Plan the statements of this block for the tables as they are now; for PostgreSQL.

    PostgreSQL keeps the plan of a statement that is repeated. The plan of a join between
    parameters and a nearly empty table may scan a whole index, and would still do so once the
    table has grown.
    """
    driver: Any = connection.connection.driver_connection
    before, driver.prepare_threshold = driver.prepare_threshold, None
    try:
        yield
    finally:
        driver.prepare_threshold = before


def is_one_of(column: sa.ColumnElement[str], words: Iterable[str]) -> sa.ColumnElement[bool]:
    """Return the condition that the column is one of our constants, written as literals.

    A partial index is used only if its condition can be seen in the statement: not with a
    parameter, neither in SQLite nor in a plan that PostgreSQL keeps.
    """
    literals: list[sa.ColumnElement[str]]
    literals = [sa.literal_column(f"'{word}'") for word in words]
    # SQLite does not match IN with one word to the equality in an index's predicate
    return column == literals[0] if len(literals) == 1 else column.in_(literals)


def lock_referenced(connection: Connection, table: sa.Table, ids: Collection[int]) -> set[int]:
    """Lock the rows of these ids against deletion; return the ids that exist.

    A row that another transaction has locked is left out: it may be about to be deleted.
    """
    if not ids:
        return set()
    query = sa.select(table.c.id).where(table.c.id.in_(of_few_lengths(ids))).order_by(table.c.id)
    query = query.with_for_update(read=True, key_share=True, skip_locked=True)
    return set(connection.execute(query).scalars())


def upsert_adding(connection: Connection, table: sa.Table) -> sa.Insert:
    """Return an insert that adds its `number` to an existing row of the same primary key.

    `first_at` and `last_at`, if the table has them, become the earliest and the latest of both.
    """
    insert: Any = _insert(connection.dialect.name, table)
    values = {"number": table.c.number + insert.excluded.number}
    if "last_at" in table.c:
        old, new = table.c.last_at, insert.excluded.last_at
        values["last_at"] = sa.case((new > old, new), else_=old)
    if "first_at" in table.c:
        old, new = table.c.first_at, insert.excluded.first_at
        values["first_at"] = sa.case((new < old, new), else_=old)
    target: dict[str, Any] = {"index_elements": list(table.primary_key)}
    if connection.dialect.name == "postgresql":
        target = {"constraint": f"pk_{table.name}"}  # its columns depend on the revision
    upsert: sa.Insert = insert.on_conflict_do_update(**target, set_=values)
    return upsert


def _insert(dialect: str, table: sa.Table) -> Any:
    """Return an insert that knows ON CONFLICT; the other database's dialect is not loaded."""
    return import_module(f"sqlalchemy.dialects.{dialect}").insert(table)


def try_write(connection: Connection) -> None:
    """Write what changes nothing, so that the commit of this transaction must reach the disk."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT txid_current()"))
        return
    version = connection.execute(sa.text("PRAGMA user_version")).scalar_one()
    connection.execute(sa.text(f"PRAGMA user_version = {int(version)}"))


def limit_lock_wait(connection: Connection, seconds: float) -> None:
    """Let the transaction wait no longer than this for a lock; for PostgreSQL."""
    if connection.dialect.name == "postgresql":  # a writer of SQLite has its one lock already
        connection.execute(sa.text(f"SET LOCAL lock_timeout = {int(1000 * seconds)}"))


def server_version(connection: Connection) -> str:
    """Return the database's name and version, such as `postgresql 18.1`."""
    version = connection.dialect.server_version_info or ()
    return f"{connection.dialect.name} {'.'.join(str(part) for part in version)}"


def narrow_encoding(connection: Connection) -> str | None:
    """Return the database's encoding if it cannot hold every event, such as `LATIN1`; else None."""
    if connection.dialect.name != "postgresql":
        return None
    encoding = str(connection.scalar(sa.text("SHOW server_encoding")))
    return None if encoding == "UTF8" else encoding


def has_text_index(connection: Connection, table: str, column: str) -> bool:
    """Return True if an operator made an index of trigrams on the column; for PostgreSQL.

    It finds any text of three characters or more: see docs/operations.md.
    """
    if connection.dialect.name != "postgresql":
        return False
    query = sa.text(
        "SELECT 1 FROM pg_indexes WHERE schemaname = current_schema() AND tablename = :table "
        "AND indexdef LIKE '%USING gin (' || :column || ' gin_trgm_ops)'"
    )
    return connection.execute(query, {"table": table, "column": column}).first() is not None


def capture_triggers(connection: Connection) -> list[str]:
    """Return the database triggers by which an earlier release's downgrade still copies writes."""
    if connection.dialect.name != "postgresql":
        return []
    query = "SELECT tgname FROM pg_trigger WHERE tgname ~ '^_stash_.*_capture$' ORDER BY tgname"
    return list(connection.scalars(sa.text(query)))


def columns(connection: Connection) -> frozenset[str]:
    """Return every `table.column` by one statement, so that no migration comes between."""
    rows = connection.execute(sa.text(_COLUMNS[connection.dialect.name]))
    return frozenset(f"{table}.{column}" for table, column in rows)


_COLUMNS = {
    # of tables alone: a broken view, or a virtual table of a missing module, fails the statement
    "sqlite": "SELECT t.name, c.name FROM sqlite_master AS t, pragma_table_info(t.name) AS c "
    "WHERE t.type = 'table' AND t.rootpage > 0",
    "postgresql": "SELECT table_name, column_name FROM information_schema.columns "
    "WHERE table_schema = current_schema()",
}

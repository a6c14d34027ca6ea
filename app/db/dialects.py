"""What a statement says differently to SQLite and to PostgreSQL."""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from app.db.types import UtcDateTime


class utc_now(FunctionElement[Any]):  # noqa: N801, it reads as the SQL function that it is
    """The database's own clock: what a lease is measured by. `utc_now(30)` is in 30 s."""

    inherit_cache = True
    type = UtcDateTime()

    def __init__(self, seconds: float | sa.ColumnElement[float] = 0.0) -> None:
        given = isinstance(seconds, sa.ColumnElement)
        super().__init__(seconds if given else sa.literal(float(seconds), sa.Float))


@compiles(utc_now, "sqlite")
def _utc_now_sqlite(element: utc_now, compiler: Any, **options: Any) -> str:
    seconds = compiler.process(element.clauses, **options)
    # SQLite knows milliseconds; the zeros make it sort with what SQLAlchemy writes
    return f"(strftime('%Y-%m-%d %H:%M:%f', 'now', ({seconds}) || ' seconds') || '000')"


@compiles(utc_now, "postgresql")
def _utc_now_postgresql(element: utc_now, compiler: Any, **options: Any) -> str:
    seconds = compiler.process(element.clauses, **options)
    # clock_timestamp() is volatile: compared with it, no index can be searched, only read through
    return f"(timezone('utc', statement_timestamp()) + make_interval(secs => {seconds}))"


class seconds_since(FunctionElement[Any]):  # noqa: N801, it reads as the SQL function that it is
    """How long ago a moment was, by the database's clock; None for one that cannot be read."""

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
    # infinity, which a found row may hold, is no moment to count from
    "postgresql": "(CASE WHEN isfinite({moment}) THEN extract(epoch FROM "
    "timezone('utc', statement_timestamp()) - {moment})::float8 END)",
}


_DEAR = (
    "({condition} OR (SELECT count(*) FROM generate_series(1, 1000000) AS n WHERE n > {id}) = 0)"
)
ONLY_BY_KEY = _DEAR.format(condition="idempotency_key IS NOT NULL", id="id")
"""`held_by_index` of a key that is looked for, for a statement that is written as it stands."""


class prefer_partial_index(FunctionElement[Any]):  # noqa: N801, as those above
    """Beside a condition that holds anyway: PostgreSQL shall take the partial index made for it.

    `held_by_index(condition, id)` changes nothing where the condition holds, and nothing of it is
    computed. By that index's predicate it is known, and left out of the plan (unless rows are
    locked); a plan by any other index would ask it of more rows, and looks far too dear. Left to
    itself the planner prefers the trigger's index while it has not learned that the table has
    grown, or where one trigger has many more executions than most; then all of them are read, for
    every webhook and every claim. SQLite takes the index that fits best, and needs no hint.
    """

    inherit_cache = True
    type = sa.Boolean()


@compiles(prefer_partial_index, "sqlite")
def _held_by_index_sqlite(_element: prefer_partial_index, _compiler: Any, **_options: Any) -> str:
    return "1"


@compiles(prefer_partial_index, "postgresql")
def _held_by_index_postgresql(element: prefer_partial_index, compiler: Any, **options: Any) -> str:
    condition, id_ = (compiler.process(each, **options) for each in element.clauses)
    return _DEAR.format(condition=condition, id=id_)


class without_index(FunctionElement[Any]):  # noqa: N801, as those above
    """A column that SQLite shall look for in no index of its own: it would read all the table's.

    To PostgreSQL it is the column, whose condition is read off whichever index holds it.
    """

    inherit_cache = True
    type = sa.Integer()


@compiles(without_index, "sqlite")
def _apart_sqlite(element: without_index, compiler: Any, **options: Any) -> str:
    return f"({compiler.process(element.clauses, **options)} + 0)"


@compiles(without_index, "postgresql")
def _apart_postgresql(element: without_index, compiler: Any, **options: Any) -> str:
    return str(compiler.process(element.clauses, **options))


def try_advisory_lock(connection: Connection, key: int) -> bool:
    """Try to take the transaction-level advisory lock `key`; False if another session holds it.

    On SQLite a transaction that writes is alone anyway.
    """
    if connection.dialect.name != "postgresql":
        return True
    return bool(connection.execute(sa.select(sa.func.pg_try_advisory_xact_lock(key))).scalar())


def combines_statements(engine_or_connection: Engine | Connection) -> bool:
    """Return whether one statement can change several tables: PostgreSQL's can, SQLite's cannot."""
    return engine_or_connection.dialect.name == "postgresql"


def skip_locked(statement: sa.Select[Any]) -> sa.Select[Any]:
    """Lock the rows that the statement selects, and leave out those that others have locked.

    So each claimer takes other rows. FOR NO KEY UPDATE: a row that refers to one of these may be
    inserted meanwhile. For SQLite nothing of it is written: its write lock admits one claimer.
    """
    return statement.with_for_update(key_share=True, skip_locked=True)


@contextmanager
def replanned(connection: Connection) -> Iterator[None]:
    """Statements of this block are planned for the tables as they are now; for PostgreSQL.

    PostgreSQL keeps the plan of a statement that is asked again and again. One that joins rows that
    it is given with a table may go through all of an index while there is next to nothing in it,
    and would go on doing so when there is.
    """
    driver: Any = connection.connection.driver_connection
    before, driver.prepare_threshold = driver.prepare_threshold, None
    try:
        yield
    finally:
        driver.prepare_threshold = before


def is_one_of(column: sa.ColumnElement[str], words: Iterable[str]) -> sa.ColumnElement[bool]:
    """The column is one of our own words, which stand in the statement as they are.

    A partial index is used only where its condition can be read off the statement: not off a
    parameter, neither by SQLite nor in a plan that PostgreSQL keeps.
    """
    written: list[sa.ColumnElement[str]]
    written = [sa.literal_column(f"'{word}'") for word in words]
    # to SQLite, IN with one word is not the equality that an index may be made for
    return column == written[0] if len(written) == 1 else column.in_(written)


def lock_referenced(connection: Connection, table: sa.Table, ids: Collection[int]) -> set[int]:
    """Those of the ids whose row stands, and stays until the transaction ends.

    A row that another transaction has locked is left out: it may be on its way out.
    """
    if not ids:
        return set()
    query = sa.select(table.c.id).where(table.c.id.in_(sorted(ids))).order_by(table.c.id)
    query = query.with_for_update(read=True, key_share=True, skip_locked=True)
    return set(connection.execute(query).scalars())


def upsert_adding(connection: Connection, table: sa.Table) -> sa.Insert:
    """The insert that adds its `number` to a row of the same primary key that stands already.

    `first_at` and `last_at`, where there are such, come to span both.
    """
    insert: sqlite.Insert | postgresql.Insert = _INSERTS[connection.dialect.name](table)
    values = {"number": table.c.number + insert.excluded.number}
    if "last_at" in table.c:
        old, new = table.c.last_at, insert.excluded.last_at
        values["last_at"] = sa.case((new > old, new), else_=old)
    if "first_at" in table.c:
        old, new = table.c.first_at, insert.excluded.first_at
        values["first_at"] = sa.case((new < old, new), else_=old)
    return insert.on_conflict_do_update(index_elements=list(table.primary_key), set_=values)


_INSERTS: dict[str, Callable[[sa.Table], Any]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}


def index_valid(connection: Connection, name: str) -> bool:
    """Whether the index is whole: PostgreSQL keeps a concurrent build that failed, invalid."""
    if connection.dialect.name != "postgresql":
        return True
    query = sa.text("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)")
    return bool(connection.execute(query, {"name": name}).scalar())


def server_version(connection: Connection) -> str:
    """Return the database's name and version, such as `postgresql 18.1`."""
    version = connection.dialect.server_version_info or ()
    return f"{connection.dialect.name} {'.'.join(str(part) for part in version)}"


def index_condition(connection: Connection, index: sa.Index) -> str:
    """Return the condition of a partial index, as it is written for this database."""
    return str(index.dialect_options[connection.dialect.name]["where"])


def columns(connection: Connection) -> frozenset[str]:
    """Every column there is, as `table.column`, asked in one statement.

    Asked table by table, a migration could move one between two questions.
    """
    found = connection.execute(sa.text(_COLUMNS[connection.dialect.name]))
    return frozenset(f"{table}.{column}" for table, column in found)


_COLUMNS = {
    "sqlite": "SELECT t.name, c.name FROM sqlite_master AS t, pragma_table_info(t.name) AS c",
    "postgresql": "SELECT table_name, column_name FROM information_schema.columns "
    "WHERE table_schema = current_schema()",
}

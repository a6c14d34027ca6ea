"""Statements in the form that Citus accepts: rows are changed or locked on one shard at a time.

Citus splits a statement that names its trigger off to that trigger's shard. It refuses a statement
that locks rows of several shards, one that changes several tables, and a CASE or COALESCE around
the current time in a change.
"""

from collections import defaultdict
from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Dialect, Engine
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from app.db.dialects import utc_now
from app.db.id_lists import of_few_lengths
from app.db.models import trigger_executions
from app.db.types import UtcDateTime

_executions = trigger_executions.c


def is_distributed(engine_or_connection: Engine | Connection) -> bool:
    """Return True if Citus distributes the executions, as a connection of this process found out.

    Receivers and workers are restarted after tables were distributed; see docs/sharding.md.
    """
    return bool(getattr(engine_or_connection.dialect, "distributed", False))


class or_now(FunctionElement[Any]):  # noqa: N801, it reads as the SQL function that it is
    """The value of a column of times; the current time if it is NULL. For a changed column.

    With `seconds` the time in so many seconds: NULL seconds leave NULL in the column.
    """

    inherit_cache = True
    type = UtcDateTime()

    def __init__(
        self, column: sa.ColumnElement[Any], seconds: float | sa.ColumnElement[float] = 0.0
    ) -> None:
        super().__init__(column, utc_now(seconds))


@compiles(or_now)
def _or_now(element: or_now, compiler: Any, **options: Any) -> str:
    column, now = (compiler.process(each, **options) for each in element.clauses)
    dialect: Dialect = compiler.dialect
    # LEAST leaves NULL out, and no time of ours is in the future
    function = "LEAST" if getattr(dialect, "distributed", False) else "coalesce"
    return f"{function}({column}, {now})"


class on_shard(FunctionElement[bool]):  # noqa: N801, it reads as the SQL function that it is
    """Condition, beside one that is sufficient, that sends a statement of Citus to a shard.

    It holds if the column of triggers' ids has the given id, or one of a given list. Elsewhere it
    is always true: with the trigger as a constant a plan may read all executions of it.
    """

    inherit_cache = True
    type = sa.Boolean()

    def __init__(self, column: sa.ColumnElement[int], trigger_id: Any) -> None:
        if not isinstance(trigger_id, sa.ClauseElement):
            several = not isinstance(trigger_id, int)
            given = sorted(set(trigger_id)) if several else trigger_id
            trigger_id = sa.literal(given, sa.ARRAY(sa.Integer) if several else sa.Integer)
        super().__init__(column, trigger_id)


@compiles(on_shard)
def _on_shard(element: on_shard, compiler: Any, **options: Any) -> str:
    dialect: Dialect = compiler.dialect
    if not getattr(dialect, "distributed", False):
        return "true" if dialect.name == "postgresql" else "1"
    column, trigger_id = element.clauses
    if isinstance(trigger_id.type, sa.ARRAY):
        trigger_id = sa.any_(trigger_id)
    return str(compiler.process(column == trigger_id, **options))


def drawn_id(connection: Connection) -> dict[str, sa.ColumnElement[int]]:
    """Return the id for an execution that is inserted from a SELECT, by its column; {} elsewhere.

    Citus does not take an INSERT from a SELECT for a statement of one shard while a sequence gives
    the id, and so may refuse it.
    """
    if not is_distributed(connection):
        return {}
    sequence = sa.func.pg_get_serial_sequence(trigger_executions.name, _executions.id.name)
    drawn = connection.execute(sa.select(sa.func.nextval(sequence))).scalar_one()
    return {_executions.id.name: sa.literal(drawn, sa.BigInteger)}


def lock_executions(connection: Connection, ids: Collection[int]) -> dict[int, int]:
    """Lock these executions against deletion; return the trigger's id of each that exists.

    A row that another transaction has locked is left out: it may be about to be deleted.
    """
    if not ids:
        return {}
    wanted = _executions.id.in_(of_few_lengths(ids))
    query = sa.select(_executions.id, _executions.trigger_id).where(wanted).order_by(_executions.id)
    locking = query.with_for_update(read=True, key_share=True, skip_locked=True)
    if not is_distributed(connection):
        return {row.id: row.trigger_id for row in connection.execute(locking)}
    of_trigger = defaultdict(list)
    for row in connection.execute(query):
        of_trigger[row.trigger_id].append(row.id)
    locked: dict[int, int] = {}
    for trigger_id, of_shard in sorted(of_trigger.items()):
        alone = locking.where(
            _executions.trigger_id == trigger_id, _executions.id.in_(of_few_lengths(of_shard))
        )
        locked |= dict.fromkeys((row.id for row in connection.execute(alone)), trigger_id)
    return locked

"""Name the transactions for whose locks a migration of PostgreSQL waits.

A transaction that was prepared (PREPARE TRANSACTION) belongs to no session: it keeps its locks for
ever, across restarts, unless somebody ends it.
"""

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from app.db.models import metadata

_HOLDERS = """
    SELECT DISTINCT CASE WHEN p.gid IS NULL
            THEN format('process %s (%s)', a.pid,
                concat_ws(', ', nullif(a.application_name, ''), a.state))
            ELSE format('the prepared transaction %1$s (end it by `COMMIT PREPARED %1$s;` or '
                '`ROLLBACK PREPARED %1$s;`)', quote_literal(p.gid)) END
        || ' since ' || to_char(coalesce(p.prepared, a.xact_start) AT TIME ZONE 'UTC',
            'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS holder, coalesce(p.prepared, a.xact_start) AS since
    FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation
        LEFT JOIN pg_locks AS own ON l.pid IS NULL AND own.locktype = 'transactionid'
            AND own.pid IS NULL AND own.virtualtransaction = l.virtualtransaction
        LEFT JOIN pg_prepared_xacts AS p ON p.transaction = own.transactionid
        LEFT JOIN pg_stat_activity AS a ON a.pid = l.pid
    WHERE l.granted AND l.pid IS DISTINCT FROM pg_backend_pid() AND c.relname = ANY(:names)
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND c.relnamespace = quote_ident(current_schema())::regnamespace
        AND coalesce(p.prepared, a.xact_start) < clock_timestamp() - make_interval(secs => :seconds)
    ORDER BY since LIMIT 3"""
"""A prepared transaction is known by the lock that it has on its own number."""


def named(engine: Engine, seconds: float) -> str:
    """Return the oldest transactions that have used our tables for so long; "" if there is none."""
    if engine.dialect.name != "postgresql":
        return ""
    parameters = {"names": list(metadata.tables), "seconds": seconds}
    with engine.connect() as connection:
        return ", ".join(connection.scalars(sa.text(_HOLDERS), parameters))

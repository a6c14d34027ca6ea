"""Tell what the role of a session of PostgreSQL lacks for the work of the service."""

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.engine import Connection


def role_and_schema(connection: Connection) -> tuple[str, str | None]:
    """Return the names of the role and of the schema of its tables, as a statement has them.

    The schema is None if `search_path` leads to none. For PostgreSQL.
    """
    query = "SELECT quote_ident(current_user), quote_ident(current_schema())"
    role, schema = connection.execute(sa.text(query)).one()
    return role, schema


def skips_triggers(connection: Connection) -> bool:
    """Return True if foreign keys and database triggers do nothing in sessions of this role."""
    if connection.dialect.name != "postgresql":
        return False
    return bool(connection.scalar(sa.text("SHOW session_replication_role")) == "replica")


_WITHOUT_RIGHTS = """
    SELECT relname FROM pg_class AS t
    WHERE relkind IN ('r', 'p') AND relname = ANY(:names)
    AND relnamespace = quote_ident(current_schema())::regnamespace
    AND (NOT has_table_privilege(oid, 'SELECT') OR NOT has_table_privilege(oid, 'INSERT')
        OR NOT has_table_privilege(oid, 'UPDATE') OR NOT has_table_privilege(oid, 'DELETE')
        OR EXISTS (SELECT FROM pg_depend JOIN pg_class AS s ON s.oid = objid
            WHERE refobjid = t.oid AND deptype IN ('a', 'i') AND classid = 'pg_class'::regclass
            AND CASE s.relkind WHEN 'S' THEN NOT has_sequence_privilege(s.oid, 'USAGE') END))
    ORDER BY 1"""


def tables_without_rights(connection: Connection, names: Iterable[str]) -> list[str]:
    """Return the tables that this role may not read and write as the service does."""
    if connection.dialect.name != "postgresql":
        return []
    return list(connection.scalars(sa.text(_WITHOUT_RIGHTS), {"names": list(names)}))

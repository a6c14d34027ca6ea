"""Tell whether a test changed anything but rows in a PostgreSQL database."""

from typing import Any

import psycopg

_FIRST_OID = 16_384
"""First number of an object that the server did not come with."""
_BY_OID = (
    *("attrdef", "cast", "collation", "constraint", "conversion", "default_acl", "enum"),
    *("event_trigger", "extension", "foreign_data_wrapper", "foreign_server", "language"),
    *("largeobject_metadata", "opclass", "operator", "opfamily", "policy", "proc", "publication"),
    *("publication_namespace", "publication_rel", "rewrite", "statistic_ext", "transform"),
    *("trigger", "ts_config", "ts_dict", "type", "user_mapping"),
)
_BY_TABLE = {
    "attribute": "attrelid",
    "foreign_table": "ftrelid",
    "index": "indexrelid",
    "inherits": "inhrelid",
    "partitioned_table": "partrelid",
    "sequence": "seqrelid",
}
_WHOLE = dict.fromkeys(_BY_OID, "oid") | _BY_TABLE
"""Catalogs of which every column counts, and the column with the number of the object."""
_OF_THIS_DATABASE = "(SELECT oid FROM pg_database WHERE datname = current_database())"
_SOME_COLUMNS = (
    f"""SELECT 'class', ROW(relname, relnamespace, relkind, relpersistence, relowner, relam,
        reltablespace, relrowsecurity, relforcerowsecurity, relreplident, relispartition,
        relpartbound, relacl, reloptions)::text FROM pg_class WHERE oid >= {_FIRST_OID}""",
    """SELECT 'namespace', ROW(nspname, nspowner, nspacl)::text FROM pg_namespace
        WHERE nspname !~ '^pg_(toast_)?temp_'""",
    f"""SELECT 'description', d::text FROM pg_description AS d
        WHERE objoid >= {_FIRST_OID} OR classoid = 'pg_namespace'::regclass""",
    f"""SELECT 'comment', description FROM pg_shdescription
        WHERE classoid = 'pg_database'::regclass AND objoid = {_OF_THIS_DATABASE}""",
    """SELECT 'database', ROW(datdba, datconnlimit, datacl)::text FROM pg_database
        WHERE datname = current_database()""",
    f"""SELECT 'setting', ROW(setrole, setconfig)::text FROM pg_db_role_setting
        WHERE setdatabase = {_OF_THIS_DATABASE}""",
    "SELECT 'revision', version_num FROM hookonce_alembic_version",
)
"""Catalogs in which the server itself changes columns, or that all databases share."""
_EVERYTHING = (
    *_SOME_COLUMNS,
    *(
        f"SELECT '{name}', c::text FROM pg_{name} AS c WHERE {number} >= {_FIRST_OID}"
        for name, number in _WHOLE.items()
    ),
)
_SHAPE = f"""
    SELECT catalog, count(*), sum(hashtextextended(entry, 0))
    FROM ({" UNION ALL ".join(_EVERYTHING)}) AS everything (catalog, entry)
    GROUP BY catalog ORDER BY catalog"""

Shape = list[tuple[Any, ...]]


def shape(connection: psycopg.Connection) -> Shape:
    """Return a sum over all that a test may have changed beside rows, for each catalog.

    A database and a copy of it have the same. It counts grants, comments, publications, statistics,
    functions, policies, rules, settings of the database and dropped columns too: a test that left
    one of them would change the result of another one.
    """
    return connection.execute(_SHAPE).fetchall()

"""Let everybody who may use `triggers` use a new table of ours in the same way.

A service often runs as another role than the migrations: a new table would belong to their role
alone, and each webhook that needs it would be answered 503.
"""

from alembic.operations import Operations

from app.db.migration_ops.plugin import postgresql

PATTERN = "triggers"
"""The table whose owner and grants the others get: the first, and in an adopted database too."""

_SHARE = """DO $$ DECLARE statement text; BEGIN
    FOR statement IN
        SELECT 'ALTER TABLE {table} OWNER TO ' || quote_ident(pg_get_userbyid(pattern.relowner))
        FROM pg_class AS pattern, pg_class AS made
        WHERE pattern.oid = to_regclass('{pattern}') AND made.oid = to_regclass('{table}')
        AND pattern.relowner <> made.relowner
    LOOP
        BEGIN EXECUTE statement; EXCEPTION WHEN insufficient_privilege THEN NULL; END;
    END LOOP;
    FOR statement IN
        WITH granted AS (
            SELECT a.privilege_type AS privilege, a.is_grantable,
                CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(r.rolname) END AS grantee
            FROM pg_class AS pattern
            CROSS JOIN aclexplode(coalesce(relacl, acldefault('r', relowner))) AS a
            LEFT JOIN pg_roles AS r ON r.oid = a.grantee
            WHERE pattern.oid = to_regclass('{pattern}') AND (a.grantee = 0 OR r.oid IS NOT NULL)
            AND a.grantee <> (SELECT relowner FROM pg_class WHERE oid = to_regclass('{table}')))
        SELECT 'GRANT ' || privilege || ' ON {table} TO ' || grantee
            || CASE WHEN is_grantable AND grantee <> 'PUBLIC' THEN ' WITH GRANT OPTION' ELSE '' END
        FROM granted
        UNION ALL SELECT 'GRANT USAGE ON SEQUENCE ' || s.objid::regclass || ' TO ' || grantee
        FROM granted CROSS JOIN pg_depend AS s JOIN pg_class AS c ON c.oid = s.objid
        WHERE privilege = 'INSERT' AND c.relkind = 'S' AND s.deptype IN ('a', 'i')
        AND s.classid = 'pg_class'::regclass AND s.refobjid = to_regclass('{table}')
    LOOP EXECUTE statement; END LOOP;
END $$"""


def share(op: Operations, table: str) -> None:
    """Give a table that was just created the owner and the grants of `triggers`, if that exists.

    Where this role may not change the owner, that of `triggers` gets its rights by grants.
    """
    if postgresql(op):
        op.execute(_SHARE.format(table=table, pattern=PATTERN))

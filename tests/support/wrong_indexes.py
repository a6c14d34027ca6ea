"""Statements that leave something else in the place of the unique index against duplicates."""

KEYS = "idempotency_key IS NOT NULL AND replay_of_id IS NULL"
COLUMNS = "trigger_id, idempotency_key"
DROP = "DROP INDEX uq_trigger_idem"


def _made(columns: str = COLUMNS, where: str = KEYS, unique: str = "UNIQUE") -> list[str]:
    on = f"trigger_executions ({columns})"
    return [DROP, f"CREATE {unique} INDEX uq_trigger_idem ON {on} WHERE {where}"]


EITHER = {
    "dropped": [DROP],
    "not unique": _made(unique=""),
    "other columns": _made("id, idempotency_key"),
    "another order of columns": _made("idempotency_key, trigger_id"),
    "one more column": _made(f"{COLUMNS}, id"),
    "one column less": _made("idempotency_key"),
    "an expression": _made("trigger_id, lower(idempotency_key)"),
    "some of the rows": _made(where=f"{KEYS}\n AND status = 'pending'"),
    "other rows": _made(where="idempotency_key IS NOT NULL AND replay_of_id IS NOT NULL"),
    "the rows of an older revision": _made(where="idempotency_key IS NOT NULL"),
    "all rows": [DROP, f"CREATE UNIQUE INDEX uq_trigger_idem ON trigger_executions ({COLUMNS})"],
    "on another table": [
        DROP,
        f"CREATE TABLE elsewhere AS SELECT {COLUMNS} FROM trigger_executions WHERE 1 = 0",
        f"CREATE UNIQUE INDEX uq_trigger_idem ON elsewhere ({COLUMNS})",
    ],
}
POSTGRESQL = {
    "invalid": [
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'uq_trigger_idem'::regclass"
    ],
    "another collation": _made('trigger_id, idempotency_key COLLATE "C"'),
    "another operator class": _made("trigger_id, idempotency_key varchar_pattern_ops"),
    "a constraint": [
        DROP,
        f"ALTER TABLE trigger_executions ADD CONSTRAINT uq_trigger_idem UNIQUE ({COLUMNS})",
    ],
    "in another schema": [
        "CREATE SCHEMA elsewhere",
        f"CREATE TABLE elsewhere.trigger_executions AS SELECT {COLUMNS} FROM trigger_executions",
        f"CREATE UNIQUE INDEX uq_trigger_idem ON elsewhere.trigger_executions ({COLUMNS})",
        DROP,
    ],
    "another table in its place": [
        "ALTER TABLE trigger_executions RENAME TO aside",
        "CREATE TABLE trigger_executions (LIKE aside INCLUDING DEFAULTS)",
    ],
}
SQLITE = {
    "a collation that ignores case": _made("trigger_id, idempotency_key COLLATE NOCASE"),
    "another table in its place": [
        "ALTER TABLE trigger_executions RENAME TO aside",
        "CREATE TABLE trigger_executions AS SELECT * FROM aside WHERE 1 = 0",
    ],
}
CASES = [
    (kind, name)
    for kind, cases in (("sqlite", EITHER | SQLITE), ("postgresql", EITHER | POSTGRESQL))
    for name in cases
]


def statements(kind: str, name: str) -> list[str]:
    """Return the statements that make this case on this kind of database."""
    return (EITHER | (SQLITE if kind == "sqlite" else POSTGRESQL))[name]

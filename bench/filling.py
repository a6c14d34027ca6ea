"""Fill a database with executions, and with all that pages list beside them."""

from app.db import Database

TRIGGERS = 50
"""Triggers: the first has half of all executions, the others share the rest."""
HOURS = 30 * 24
"""Hours of delivery counts for each trigger, with seven outcomes each."""
CHANGES = 100_000
JOURNAL = 65_536
"""Entries of a full journal: of 1 KiB each they have the bytes that its setting allows."""
MESSAGES = 10_000
"""Messages of each of ten channels of notifications; one in ten is not sent yet."""
WORKERS = 50
HOUR = {
    "sqlite": "strftime('%Y-%m-%d %H:00:00.000000', 'now', (1 - i) || ' hours')",
    "postgresql": "date_trunc('hour', timezone('utc', now())) - make_interval(hours => i - 1)",
}
NUMBERS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) ",
    "postgresql": "WITH n(i) AS (SELECT generate_series(1, {rows})) ",
}
MOMENT = {
    "sqlite": "strftime('%Y-%m-%d %H:%M:%f', 'now', (({i}) - {rows}) || ' seconds') || '000'",
    "postgresql": "timezone('utc', now()) + make_interval(secs => ({i}) - {rows})",
}
STATUS = (
    "CASE WHEN i % 100 = 1 THEN 'failed' WHEN i % 100 = 2 THEN 'failed_retryable' "
    "WHEN i % 1000 = 3 THEN 'replayed' WHEN i > {rows} - {waiting} THEN 'pending' "
    "ELSE 'completed' END"
)
FILLING = (
    """INSERT INTO triggers (name, slug, type, source, action_type, action_payload, enabled,
        from_yaml, created_at, updated_at)
    {triggers} SELECT 't' || i, 't' || i, 'webhook',
        CASE WHEN i % 10 = 0 THEN 'evolution' ELSE 'custom' END,
        'script', 'x', true, false, CURRENT_TIMESTAMP, CURRENT_TIMESTAMP FROM n""",
    """INSERT INTO trigger_executions (trigger_id, event_data, status, received_at, started_at,
        completed_at, attempt_count, error_reason, error_category, idempotency_key)
    {numbers} SELECT CASE WHEN i % 2 = 0 THEN 1 ELSE 2 + (i / 2) % {others} END,
        '{event}', {status}, {at}, {at}, CASE WHEN {status} <> 'pending' THEN {at} END, 1,
        CASE WHEN i % 100 = 1 THEN 'rejected' WHEN i % 100 = 2 THEN 'timeout' END,
        CASE WHEN i % 100 = 1 THEN 'permanent' WHEN i % 100 = 2 THEN 'transient' END,
        'key-' || i FROM n""",
    """INSERT INTO execution_attempts
        (execution_id, number, worker, started_at, finished_at, outcome)
    {numbers} SELECT i, 1, 'w', {at}, {at}, 'succeeded' FROM n""",
    """INSERT INTO execution_requests (execution_id, content_type, headers, body)
    {numbers} SELECT i, 'application/json', '{headers}', CAST('{event}' AS {bytes}) FROM n
    WHERE i > {rows} - 1000 OR i % 100 = 1""",
    """INSERT INTO delivery_counts (trigger_id, hour, outcome, number)
    {hours} SELECT triggers.id, {hour}, outcomes.name, 1 + i % 40 FROM n, triggers, (
        SELECT 'accepted' AS name UNION ALL SELECT 'duplicate' UNION ALL SELECT 'answered_us'
        UNION ALL SELECT 'refused_bad_signature' UNION ALL SELECT 'answered_le_5'
        UNION ALL SELECT 'answered_le_10' UNION ALL SELECT 'answered_le_20') AS outcomes""",
    """INSERT INTO hookonce_audit (at, actor, origin, action, subject, before, after)
    {changes} SELECT {changed_at}, CASE WHEN i = 5 THEN 'Grace' ELSE 'Ada ' || i % 7 END,
        '192.0.2.1', CASE WHEN i = 6 THEN 'trigger.remove' ELSE 'trigger.update' END,
        'trigger:' || i % {others}, '{before}', '{before}' FROM n""",
    """INSERT INTO delivery_journal (trigger_id, at, outcome, detail, address, request_id,
        idempotency_key, execution_id, size, stored_bytes, body_kept, content_type, headers, body)
    {journal} SELECT CASE WHEN i % 2 = 0 THEN 1 ELSE 2 + (i / 2) % {others} END, {noted_at},
        CASE WHEN i = 7 THEN 'refused_stale' WHEN i % 3 = 0 THEN 'refused_bad_signature'
        WHEN i % 3 = 1 THEN 'duplicate' ELSE 'filtered' END,
        'the signature is wrong', '192.0.2.' || i % 250, 'request-' || i,
        CASE WHEN i % 3 = 1 THEN 'key-' || i END, CASE WHEN i % 3 = 1 THEN i END,
        700, 1024, 'whole', 'application/json', '{headers}', CAST('{event}' AS {bytes}) FROM n""",
    """INSERT INTO notification_channels (name, kind, address, created_at)
    {channels} SELECT 'channel ' || i, 'webhook', 'https://example.org/' || i, CURRENT_TIMESTAMP
        FROM n""",
    """INSERT INTO notification_messages
        (channel_id, kind, trigger_id, event, content, created_at, sent_at)
    {messages} SELECT 1 + i % 10, 'dead_letters', i % {others}, 'began', '{{}}',
        CURRENT_TIMESTAMP, CASE WHEN i % 10 > 0 THEN CURRENT_TIMESTAMP END FROM n""",
    """INSERT INTO notification_states (kind, trigger_id, opened_at, seen_at)
    {triggers} SELECT 'dead_letters', i, CURRENT_TIMESTAMP, CURRENT_TIMESTAMP FROM n""",
    """INSERT INTO hookonce_workers
        (owner, host, pid, version, slots, busy, started_at, last_seen_at)
    {workers} SELECT 'w' || i, 'bench', i, '1', 16, 1, {now}, {now} FROM n""",
    """INSERT INTO trigger_breakers (trigger_id, failure_count, opened_at, probe_at)
    SELECT id, 5, {now}, {now} FROM triggers WHERE id % 5 = 0""",
)
EVENT = '{"event_type":"x","data":"' + 600 * "d" + '"}'
HEADERS = '{"content-type":"application/json","user-agent":"bench","x-request-id":"bench"}'
BEFORE = '{"action_payload":"report.sh --daily","updated_at":"2026-01-01T00:00:00.000000Z"}'


def fill(database: Database, rows: int, waiting: int = 1000) -> None:
    """Insert executions, one a second until now, with their attempts; the last ones are pending."""
    kind = database.engine.dialect.name
    words = {
        "triggers": NUMBERS[kind].format(rows=TRIGGERS),
        "numbers": NUMBERS[kind].format(rows=rows),
        "others": TRIGGERS - 1,
        "event": EVENT,
        "headers": HEADERS,
        "before": BEFORE,
        "bytes": "BLOB" if kind == "sqlite" else "bytea",
        "rows": rows,
        "hours": NUMBERS[kind].format(rows=HOURS),
        "hour": HOUR[kind],
        "changes": NUMBERS[kind].format(rows=CHANGES),
        "changed_at": MOMENT[kind].format(i="i", rows=CHANGES),
        "journal": NUMBERS[kind].format(rows=JOURNAL),
        "noted_at": MOMENT[kind].format(i="i", rows=JOURNAL),
        "channels": NUMBERS[kind].format(rows=10),
        "messages": NUMBERS[kind].format(rows=10 * MESSAGES),
        "workers": NUMBERS[kind].format(rows=WORKERS),
        "now": MOMENT[kind].format(i="0", rows=0),
        "status": STATUS.format(rows=rows, waiting=waiting),
        "at": MOMENT[kind].format(i="i", rows=rows),
    }
    with database.engine.connect() as connection:
        for statement in (*FILLING, "ANALYZE"):
            sql = statement.format(**words)
            connection.exec_driver_sql(sql.replace("%", "%%") if kind == "postgresql" else sql)
            connection.commit()
    if kind == "postgresql":
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as one:
            one.exec_driver_sql("VACUUM ANALYZE")

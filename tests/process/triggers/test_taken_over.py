"""A database that was taken over works as in the older system, in real receivers and workers."""

import hashlib
import hmac
import http.client
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import found_databases
from tests.support.schema_dump import execute
from tests.support.service import DEADLINE_SECONDS, Gunicorn, Service, run

ROWS: list[dict[str, object]] = [
    {"slug": "chat", "source": "telegram", "action_payload": "old.py"},
    {"slug": "event", "source": "custom", "type": "event", "action_payload": "old.py"},
    {"slug": "discord", "source": "discord", "action_payload": "old.py"},
]
EVENTS_EACH = 3


@pytest.fixture
def found_service(empty_url: str, tmp_path: Path) -> Iterator[Service]:
    """Yield the service on a database of the older system that was upgraded by the command."""
    (tmp_path / "old.py").write_text("import json, sys\nprint(json.load(sys.stdin)['source'])\n")
    found_databases.make_triggers(empty_url, ROWS)
    upgraded = run("alembic", "upgrade", "head", DATABASE_URL=empty_url)
    assert upgraded.returncode == 0, upgraded.stdout
    settings = {"DATABASE_URL": empty_url, "HOOKONCE_SCRIPTS_DIR": str(tmp_path)}
    made = Service(tmp_path, **settings, HOOKONCE_SCRIPT_INTERPRETER=sys.executable)
    yield made
    made.remove()


def status(gunicorn: Gunicorn, trigger_id: int, secret: str, body: bytes) -> int:
    """Post the body with the signature of the older system; return the status of the response."""
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {"Content-Type": "application/json", "X-Webhook-Signature": f"sha256={signature}"}
    connection = http.client.HTTPConnection("127.0.0.1", gunicorn.port, timeout=DEADLINE_SECONDS)
    try:
        connection.request("POST", f"/api/triggers/webhook/{trigger_id}", body, headers)
        return connection.getresponse().status
    finally:
        connection.close()


def test_senders_and_scripts_of_the_older_system_go_on(
    found_service: Service, empty_url: str
) -> None:
    gunicorn = found_service.gunicorn()

    statuses = [
        status(gunicorn, trigger_id, f"{trigger_id:064x}", b'{"messageId": "m-%d"}' % number)
        for trigger_id in range(1, len(ROWS) + 1)
        for number in (*range(EVENTS_EACH), 0)
    ]
    forged = status(gunicorn, 1, "another", b"{}")
    worked = found_service.run("hookonce", "worker", "--once")

    assert (set(statuses), forged) == ({200}, 401)
    assert worked.returncode == 0, worked.stdout
    query = "SELECT trigger_id, status, result_summary FROM trigger_executions ORDER BY id"
    assert execute(empty_url, query) == [
        (trigger_id, "completed", row["source"])
        for trigger_id, row in enumerate(ROWS, 1)
        for _ in range(EVENTS_EACH)
    ]
    assert len(gunicorn.lines("older_rule")) >= len(ROWS)

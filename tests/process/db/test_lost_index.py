"""A running receiver notices within two seconds that nothing keeps duplicates out any more."""

import time
from itertools import count

from tests.support import wrong_indexes
from tests.support.databases import migrate
from tests.support.ledger import Ledger
from tests.support.service import Gunicorn, Service, until

WITHIN_SECONDS = 2.0
BUSY_SECONDS = 60.0
"""Seconds that a busy machine may take beside; a receiver that does not look never notices."""


def test_a_lost_index_is_a_503_one_line_and_a_metric_until_the_upgrade_builds_it(
    service: Service, ledger: Ledger, database_url: str
) -> None:
    gunicorn = service.gunicorn(workers=2)
    sender = ledger.sender(gunicorn)
    assert sender.post_event("before").acknowledged
    ledger.execute(*wrong_indexes.EITHER["not unique"])
    lost_at = time.monotonic()

    refused = sender.post_event("lost")
    until(lambda: len(gunicorn.lines("deduplication_lost")) == 2, "a line of each process")
    noticed_seconds = time.monotonic() - lost_at
    gauge, ready = _gauge(gunicorn), gunicorn.get("/readyz")[0]
    while time.monotonic() < lost_at + WITHIN_SECONDS + 1:
        time.sleep(0.1)
    lines = gunicorn.lines("deduplication_lost")
    stored = ledger.rows_by_key()
    migrate(database_url)
    numbers = count()
    until(lambda: sender.post_event(f"after-{next(numbers)}").acknowledged, "an admission")
    until(lambda: len(gunicorn.lines("deduplication_restored")) == 2, "a line of each process")

    assert (refused.status, refused.retry_after) == (503, "5")
    assert noticed_seconds < WITHIN_SECONDS + BUSY_SECONDS
    assert (gauge, ready) == ("0.0", 503)
    assert len(lines) == 2
    assert "level=critical" in lines[0]
    assert stored == {"before": 1}
    until(lambda: _gauge(gunicorn) == "1.0", "the metric of an index that stands")


def _gauge(gunicorn: Gunicorn) -> str:
    text = gunicorn.get("/metrics")[1].decode()
    return next(
        line.split()[-1]
        for line in text.splitlines()
        if line.startswith("hookonce_idempotency_index_ok")
    )

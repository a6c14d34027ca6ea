"""Take the primary of a pair away under load, by a kill or a fence, and promote the standby."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.support.chaos import CLIENTS, SETTINGS, WORKERS, Scene
from tests.support.findings import Findings, completed, found
from tests.support.load import REFUSED, Load, sending
from tests.support.service import until
from tests.support.standby import Pair

RECEIVERS = 2
DELIVERIES = 150
"""Deliveries that are acknowledged before the failover, and again after it."""
LISTENERS = (
    "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' OR query LIKE 'SHOW tr%'"
)
"""Counts the sessions that listen: their last statement is LISTEN, or checks the connection."""


@dataclass(frozen=True)
class FailedOver:
    receiver_back_seconds: float
    """Seconds from the end of the promotion until an event was acknowledged."""
    worker_back_seconds: float
    """Seconds from the end of the promotion until an outcome was stored."""
    refusing_seconds: float
    """Seconds from the loss of the primary until an event was acknowledged."""
    findings: Findings


def fail_over(scene: Scene, pair: Pair) -> FailedOver:
    """Kill the primary under load, and promote its standby."""
    return _under_load(scene, pair, pair.primary.kill)


def fence(scene: Scene, pair: Pair) -> FailedOver:
    """Make the primary read-only under load, which keeps its connections, and promote its standby.

    So does an agent that was told of another primary: the old one lives on beside the new one.
    """

    def refuse_writes() -> None:
        pair.primary.execute(
            "ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()"
        )

    return _under_load(scene, pair, refuse_writes)


def _under_load(scene: Scene, pair: Pair, lose_primary: Callable[[], None]) -> FailedOver:
    gunicorn = scene.service.gunicorn(workers=RECEIVERS, **SETTINGS)
    of_workers = SETTINGS | {"DATABASE_URL": pair.other_uri}
    workers = [scene.service.worker(**of_workers) for _ in range(WORKERS)]
    load = scene.load(gunicorn.port, "failover")
    with sending(load, CLIENTS):
        load.until_delivered(DELIVERIES)
        lost_at, back = _promote(scene, pair, load, lose_primary)
        load.until_delivered(load.deliveries + DELIVERIES)
        until(lambda: pair.standby.value(LISTENERS) == WORKERS, "workers that listen again", 60)
    scene.ledger.wait_until_done()
    assert {each.stop() for each in (*workers, gunicorn)} == {0}
    findings = found(load, scene.ledger, scene.sink.received)
    return FailedOver(back[0], back[1], lost_at + back[0], findings)


def _promote(
    scene: Scene, pair: Pair, load: Load, lose_primary: Callable[[], None]
) -> tuple[float, tuple[float, float]]:
    """Return the seconds from the loss to the promotion, and those until both were back."""
    lost_at = time.monotonic()
    refused = load.answers[REFUSED]
    scene.ledger.database.dispose()
    lose_primary()
    until(lambda: load.answers[REFUSED] > refused, "a refusal without the primary")
    pair.standby.promote()
    promoted_at, acknowledged = time.monotonic(), load.deliveries
    outcomes = completed(scene.ledger)
    until(lambda: load.deliveries > acknowledged, "an acknowledgement after the promotion", 60)
    receiver = time.monotonic() - promoted_at
    until(lambda: completed(scene.ledger) > outcomes, "an outcome after the promotion", 60)
    return promoted_at - lost_at, (receiver, time.monotonic() - promoted_at)

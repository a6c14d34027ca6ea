"""Measure honest requests while other peers attack the receiver.

    python -m bench.siege [--seconds 15] [--kind sqlite]

Starts gunicorn as it comes, with two processes, and attacks it in each way of bench/attackers.py.
Meanwhile fifty webhooks a second come, each on a connection of its own, five of them too large for
the answering thread, and ten requests to /healthz. Every webhook must be stored once.
"""

import argparse
import logging
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles

import sqlalchemy as sa

from app.db import Database
from app.settings import from_environment
from bench import traffic
from bench.attackers import ATTACKS, Attack, attacking
from bench.contestants import Contestant, Installation
from bench.figures import markdown
from tests.support.databases import KINDS
from tests.support.socket_sender import Sender, event, read

WEBHOOKS_PER_SECOND = 50
LARGE_EVERY = 10
"""Every so many webhooks one is too large for the answering thread."""
PROBES_PER_SECOND = 10
LARGE = "x" * 40_000
HEADINGS = (
    "database",
    "attack",
    "webhooks",
    "p50, ms",
    "p99, ms",
    "slowest, ms",
    "large p99, ms",
    "/healthz p99, ms",
    "not 200",
    "lost or twice",
)


@dataclass(slots=True)
class Honest:
    """The honest requests of one attack: milliseconds, and what was not answered 200."""

    small: list[float] = field(default_factory=list)
    large: list[float] = field(default_factory=list)
    probes: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)


def main() -> None:
    """Measure and print."""
    logging.disable(logging.INFO)
    options = _options()
    installation = Installation(Path(tempfile.mkdtemp(prefix="hookonce-bench-")))
    try:
        lines = [
            line
            for kind in options.kind or KINDS
            for line in besieged(installation, kind, options.seconds)
        ]
        print(installation.machine() + "\n")
    finally:
        installation.remove()
    print(markdown(HEADINGS, lines))


def besieged(installation: Installation, kind: str, seconds: float) -> Iterator[tuple[object, ...]]:
    """Yield a line for each attack on a receiver of this database."""
    contestant = Contestant("receiver", "app.wsgi:application()", kind)
    with (
        installation.database(contestant) as url,
        installation.receiver(contestant, url) as receiver,
    ):
        sender = Sender(receiver.port, 1, traffic.SECRET)
        for attack in ATTACKS:
            with attacking(attack, receiver.port):
                honest = sent(sender, attack, seconds)
            yield kind, attack.name, *figures(honest), _wrong(url, honest)


def sent(sender: Sender, attack: Attack, seconds: float) -> Honest:
    """Send honest requests for so long, each at its time, whether earlier ones are answered."""
    honest, threads = Honest(), []
    began = time.monotonic()
    for number in range(int(seconds * WEBHOOKS_PER_SECOND)):
        due = began + number / WEBHOOKS_PER_SECOND
        time.sleep(max(0.0, due - time.monotonic()))
        threads.append(_later(_webhook, sender, honest, f"{attack.name} {number}", number))
        if number % (WEBHOOKS_PER_SECOND // PROBES_PER_SECOND) == 0:
            threads.append(_later(_probe, sender, honest))
    for thread in threads:
        thread.join()
    return honest


def figures(honest: Honest) -> tuple[object, ...]:
    """Return the figures of a line."""
    return (
        len(honest.small) + len(honest.large),
        f"{_quantile(honest.small, 50):.1f}",
        f"{_quantile(honest.small, 99):.1f}",
        f"{max(honest.small, default=0.0):.0f}",
        f"{_quantile(honest.large, 99):.1f}",
        f"{_quantile(honest.probes, 99):.1f}",
        ", ".join(sorted(set(honest.failed))) or 0,
    )


def _later(function: object, *arguments: object) -> threading.Thread:
    thread = threading.Thread(target=function, args=arguments)  # type: ignore[arg-type]
    thread.start()
    return thread


def _webhook(sender: Sender, honest: Honest, key: str, number: int) -> None:
    is_large = number % LARGE_EVERY == 0
    body = event(key, more=LARGE) if is_large else event(key)
    if _timed(sender, sender.raw(body), honest.large if is_large else honest.small, honest):
        honest.acknowledged.append(key)


def _probe(sender: Sender, honest: Honest) -> None:
    _timed(sender, b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", honest.probes, honest)


def _timed(sender: Sender, request: bytes, times: list[float], honest: Honest) -> bool:
    """Send the request; note how long it took, or why it was not answered 200."""
    import socket

    began = time.monotonic()
    try:
        with socket.create_connection(("127.0.0.1", sender.port), 30) as connection:
            connection.sendall(request)
            status = read(connection).status
    except OSError as error:
        honest.failed.append(type(error).__name__)
        return False
    times.append((time.monotonic() - began) * 1_000)
    if status != 200:
        honest.failed.append(str(status))
    return status == 200


def _quantile(times: list[float], hundredth: int) -> float:
    return quantiles(times, n=100)[hundredth - 1] if len(times) > 1 else 0.0


def _wrong(url: str, honest: Honest) -> int:
    """Return how many acknowledged events are not stored exactly once."""
    query = sa.text("SELECT idempotency_key, count(*) FROM trigger_executions GROUP BY 1")
    database = Database(from_environment({"DATABASE_URL": url}))
    with database.reading() as connection:
        stored = dict(connection.execute(query).tuples().all())
    database.dispose()
    return sum(stored.get(f"body:{key}", stored.get(key, 0)) != 1 for key in honest.acknowledged)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--kind", action="append", choices=KINDS)
    return parser.parse_args()


if __name__ == "__main__":
    main()

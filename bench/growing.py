"""Does a new installation under load stay as fast as it began?

    python -m bench.growing [--seconds 90] [--window 5] [--connections 64] [--kind sqlite]

One receiver on an empty database that nobody has analysed, new events all the time, and what each
window of it came to. A look-up that reads more with every event shows as CPU that grows.
"""

import argparse
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench import traffic
from bench.contestants import Contestant, Ground
from bench.figures import markdown
from bench.receiving import Lane
from bench.sending import Sender, sender
from tests.support.databases import KINDS

HEADINGS = (
    "database",
    "executions",
    "events/s",
    "p99, ms",
    "server CPU, s per 1,000",
    "database CPU, s per 1,000",
    "refused",
)


def main() -> None:
    """Measure and print."""
    logging.disable(logging.INFO)
    chosen = _options()
    ground = Ground(Path(tempfile.mkdtemp(prefix="hookonce-bench-")))
    try:
        with sender() as send:
            lines = [
                line for kind in chosen.kind or KINDS for line in grown(ground, send, kind, chosen)
            ]
    finally:
        ground.remove()
    print(markdown(HEADINGS, lines))


def grown(
    ground: Ground, send: Sender, kind: str, chosen: argparse.Namespace
) -> Iterator[tuple[object, ...]]:
    """A line for each window."""
    contestant = Contestant("receiver", "app.wsgi:application()", kind)
    with ground.database(contestant) as url, ground.receiver(contestant, url) as receiver:
        store = Lane(contestant, traffic.UNIQUE, url, receiver)
        for _ in range(chosen.seconds // chosen.window):
            seen = store.measured(ground, send, chosen.connections, chosen.window)
            yield (
                kind,
                store.position,
                seen.requests_per_second,
                seen.p99_ms,
                seen.server_cpu_ms,
                seen.database_cpu_ms,
                seen.refused + seen.broken,
            )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=90)
    parser.add_argument("--window", type=int, default=5)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--kind", action="append", choices=KINDS)
    return parser.parse_args()


if __name__ == "__main__":
    main()

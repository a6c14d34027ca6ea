"""Measure if a new installation under load stays as fast as it began.

    python -m bench.growing [--seconds 90] [--window 5] [--connections 64] [--kind sqlite]

One receiver on an empty database without statistics gets new events all the time, and each window
is a line. A look-up that reads more with every event shows as CPU time that grows.
"""

import argparse
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench import traffic
from bench.contestants import Contestant, Installation
from bench.figures import markdown
from bench.receiving import Trial
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
    options = _options()
    installation = Installation(Path(tempfile.mkdtemp(prefix="hookonce-bench-")))
    try:
        with sender() as send:
            lines = [
                line
                for kind in options.kind or KINDS
                for line in grown(installation, send, kind, options)
            ]
    finally:
        installation.remove()
    print(markdown(HEADINGS, lines))


def grown(
    installation: Installation, send: Sender, kind: str, options: argparse.Namespace
) -> Iterator[tuple[object, ...]]:
    """Yield a line for each window."""
    contestant = Contestant("receiver", "app.wsgi:application()", kind)
    with (
        installation.database(contestant) as url,
        installation.receiver(contestant, url) as receiver,
    ):
        trial = Trial(contestant, traffic.UNIQUE, url, receiver)
        for _ in range(options.seconds // options.window):
            measurement = trial.measured(installation, send, options.connections, options.window)
            yield (
                kind,
                trial.position,
                measurement.requests_per_second,
                measurement.p99_ms,
                measurement.server_cpu_ms,
                measurement.database_cpu_ms,
                measurement.refused + measurement.broken,
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

"""Measure receiving on 1 and 2 cores with 1 to 4 processes, and compare it with a model.

    python -m bench.scaling [--repetitions 3] [--seconds 2]

The model has two figures of each database, measured with two processes on all cores: the CPU time
of a receiving process and of all programs together for each event. A process is one thread, so that

    events/s = min(processes / CPU of a process, cores / CPU of all programs) x what is used of it

Receiver, database and sender are all kept on the cores of a row. docs/scale.md has the table.
"""

import argparse
import logging
import os
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench import contestants, traffic
from bench.contestants import CONTESTANTS, Contestant, Installation
from bench.figures import Measurement, markdown
from bench.receiving import Trial
from bench.sending import Sender, sender

CONNECTIONS = 64
PROCESSES = (1, 2, 3, 4)
MODELLED_ON = 2
"""Processes of the row whose CPU times the model takes."""
HEADINGS = ("database", "cores", "processes", "events/s", "model", "measured / model")


@dataclass(frozen=True, slots=True)
class Costs:
    """CPU seconds for one event."""

    process: float
    everything: float
    used: float = 1.0
    """Share of the cores that is used when they are what bounds."""

    def rate(self, cores: int, processes: int) -> float:
        """Return the events a second that the model expects."""
        return self.used * min(processes / self.process, cores / self.everything)


@dataclass(frozen=True, slots=True)
class Row:
    """The median of one database on so many cores with so many processes."""

    database: str
    cores: int
    processes: int
    rate: float
    costs: Costs


def main() -> None:
    """Measure every row, and print the table."""
    logging.disable(logging.INFO)
    options = _options()
    with tempfile.TemporaryDirectory(prefix="hookonce-bench-") as directory:
        installation = Installation(Path(directory))
        try:
            with sender() as send:
                rows = list(_measured(installation, send, options))
            print(installation.machine())
        finally:
            installation.remove()
    print(markdown(HEADINGS, compared(rows)))


def compared(rows: Sequence[Row]) -> Iterator[tuple[object, ...]]:
    """Yield a line for each row, with the rate that the model expects."""
    for database in dict.fromkeys(row.database for row in rows):
        own = [row for row in rows if row.database == database]
        costs = model(own)
        for row in own:
            expected = costs.rate(row.cores, row.processes)
            ratio = f"{row.rate / expected:.2f}"
            yield database, row.cores, row.processes, row.rate, expected, ratio


def model(rows: Sequence[Row]) -> Costs:
    """Return the costs of the row with MODELLED_ON processes on the most cores."""
    cores = max(row.cores for row in rows)
    row = next(each for each in rows if (each.cores, each.processes) == (cores, MODELLED_ON))
    unused = Costs(row.costs.process, row.costs.everything)
    return Costs(unused.process, unused.everything, row.rate / unused.rate(cores, MODELLED_ON))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0)
    return parser.parse_args()


def _measured(
    installation: Installation, send: Sender, options: argparse.Namespace
) -> Iterator[Row]:
    ours = [each for each in CONTESTANTS if each.ours]
    for contestant in ours:
        for processes in PROCESSES:
            windows: dict[int, list[Measurement]] = {}
            with _trial(installation, contestant, processes) as trial:
                for _ in range(options.repetitions):
                    for cores in (1, os.cpu_count() or 1):
                        _keep_on(cores, psutil.Process().pid, installation.postmaster_pid())
                        window = trial.measured(installation, send, CONNECTIONS, options.seconds)
                        windows.setdefault(cores, []).append(window)
            for cores, measured in windows.items():
                yield _row(contestant, cores, processes, measured)


@contextmanager
def _trial(installation: Installation, contestant: Contestant, processes: int) -> Iterator[Trial]:
    contestants.WORKERS = processes
    with (
        installation.database(contestant) as url,
        installation.receiver(contestant, url) as receiver,
    ):
        yield Trial(contestant, traffic.UNIQUE, url, receiver)


def _keep_on(cores: int, *roots: int) -> None:
    """Keep these processes and all their children on the first cores."""
    for root in map(psutil.Process, roots):
        for process in [root, *root.children(recursive=True)]:
            for thread in process.threads():
                os.sched_setaffinity(thread.id, range(cores))


def _row(contestant: Contestant, cores: int, processes: int, windows: Sequence[Measurement]) -> Row:
    def median(values: Iterator[float]) -> float:
        return statistics.median(values)

    rate = median(each.requests_per_second for each in windows)
    receiver = median(each.server_cpu_ms for each in windows) / 1000
    database = median(each.database_cpu_ms for each in windows) / 1000
    sending = median(each.sender_busy / each.requests_per_second for each in windows)
    costs = Costs(receiver, receiver + database + sending)
    return Row(contestant.database, cores, processes, rate, costs)


if __name__ == "__main__":
    main()

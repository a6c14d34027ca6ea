"""Compute medians, ratios and tables of the benchmark's runs. Pure."""

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Measurement:
    """The results of one receiver in one window of time."""

    requests_per_second: float
    p50_ms: float
    p99_ms: float
    server_cpu_ms: float
    """CPU time of the receiver's processes for each request."""
    database_cpu_ms: float
    """CPU time of PostgreSQL for each request; SQLite runs inside the receiver."""
    sender_busy: float
    """Share of one core that the sender used: near 1 it would be the bottleneck."""
    refused: int
    broken: int


@dataclass(frozen=True, slots=True)
class Run:
    """A measurement, and that of the ceiling right before it."""

    contestant: str
    traffic: str
    connections: int
    own: Measurement
    ceiling: Measurement


@dataclass(frozen=True, slots=True)
class Row:
    """The medians of one contestant under one kind of traffic."""

    contestant: str
    traffic: str
    connections: int
    requests_per_second: float
    of_ceiling: float
    p50_ms: float
    p50_above_ceiling_ms: float
    p99_ms: float
    p99_of_ceiling: float
    server_cpu_ms: float
    database_cpu_ms: float
    cpu_above_ceiling_ms: float
    sender_busy: float
    refused: int
    broken: int


@dataclass(frozen=True, slots=True)
class Ledger:
    """The events that one receiver acknowledged, compared with those in its database."""

    contestant: str
    traffic: str
    acknowledged: int
    """Different events that were answered 200."""
    stored: int
    missing: int
    """Events acknowledged but not stored."""
    twice: int
    """Keys stored more than once."""


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the percentile by nearest rank; 0 if there are no values."""
    if not values:
        return 0.0
    rank = int(-(-len(values) * percent // 100))  # rounded up
    return sorted(values)[max(0, rank - 1)]


def rows(runs: Iterable[Run]) -> list[Row]:
    """Return a row for each contestant, traffic and number of connections, in order of the runs."""
    gathered: dict[tuple[str, str, int], list[Run]] = {}
    for run in runs:
        name = (run.contestant, run.traffic, run.connections)
        gathered.setdefault(name, []).append(run)
    return [_row(*name, together) for name, together in gathered.items()]


def _row(contestant: str, traffic: str, connections: int, runs: list[Run]) -> Row:
    def median(of: Callable[[Measurement, Measurement], float]) -> float:
        return statistics.median(of(run.own, run.ceiling) for run in runs)

    return Row(
        contestant=contestant,
        traffic=traffic,
        connections=connections,
        requests_per_second=median(lambda own, _: own.requests_per_second),
        of_ceiling=median(
            lambda own, top: _ratio(own.requests_per_second, top.requests_per_second)
        ),
        p50_ms=median(lambda own, _: own.p50_ms),
        p50_above_ceiling_ms=median(lambda own, top: own.p50_ms - top.p50_ms),
        p99_ms=median(lambda own, _: own.p99_ms),
        p99_of_ceiling=median(lambda own, top: _ratio(own.p99_ms, top.p99_ms)),
        server_cpu_ms=median(lambda own, _: own.server_cpu_ms),
        database_cpu_ms=median(lambda own, _: own.database_cpu_ms),
        cpu_above_ceiling_ms=median(
            lambda own, top: own.server_cpu_ms + own.database_cpu_ms - top.server_cpu_ms
        ),
        sender_busy=median(lambda own, _: own.sender_busy),
        refused=sum(run.own.refused for run in runs),
        broken=sum(run.own.broken for run in runs),
    )


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


_HEADINGS = {
    "contestant": "receiver",
    "traffic": "events",
    "connections": "connections",
    "requests_per_second": "requests/s",
    "of_ceiling": "of the ceiling",
    "p50_ms": "p50, ms",
    "p50_above_ceiling_ms": "above the ceiling, ms",
    "p99_ms": "p99, ms",
    "p99_of_ceiling": "times the ceiling's",
    "server_cpu_ms": "server CPU, s per 1,000",
    "database_cpu_ms": "database CPU, s per 1,000",
    "cpu_above_ceiling_ms": "CPU above the ceiling, s per 1,000",
    "sender_busy": "sender, cores",
    "refused": "refused",
    "broken": "broken",
}


def table(lines: Iterable[Row]) -> str:
    """Return the rows as a Markdown table."""
    return markdown(
        _HEADINGS.values(), ([getattr(row, name) for name in _HEADINGS] for row in lines)
    )


def ledger(entries: Iterable[Ledger]) -> str:
    """Return the ledgers as a Markdown table, a line for each receiver and traffic."""
    names = [field.name for field in fields(Ledger)]
    return markdown(names, ([getattr(entry, name) for name in names] for entry in entries))


def markdown(headings: Iterable[str], lines: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table."""
    head = list(headings)
    written = [f"| {' | '.join(map(_shown, line))} |" for line in (head, *lines)]
    return "\n".join([written[0], "|---" * len(head) + "|", *written[1:]])


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)

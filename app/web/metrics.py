"""/metrics for Prometheus: the same from every process, since all numbers are in the database.

Labels name the source and never the trigger: the page may be public, and ids are not.
"""

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from typing import NamedTuple

import falcon
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from app import lifecycle
from app.db import Database, schema
from app.db.schema import SchemaWatch
from app.errors import DatabaseUnavailable, SchemaMoved
from app.executions import due
from app.executions.dead_letters import UNKNOWN
from app.intake import sources
from app.stats import latency, outcomes, totals
from app.stats.counters import JOURNAL_DROPPED, LOG_LINES_DROPPED
from app.stats.totals import Present, Sums

FRESH_SECONDS = 1.0
"""Seconds that a response is repeated, so that frequent requests cannot overload the database."""


class Family(NamedTuple):
    """The type, labels and help text of a metric."""

    kind: str
    labels: tuple[str, ...]
    help: str


FAMILIES = {
    "hookonce_build_info": Family(
        "gauge",
        ("version", "needs_revision", "database_revision"),
        "Always 1; the labels are the version, the revision it needs, and the database's revision.",
    ),
    "hookonce_database_up": Family("gauge", (), "1 if the database answers, else 0."),
    "hookonce_schema_current": Family(
        "gauge", (), "1 if the database is at the revision that this version needs, else 0."
    ),
    "hookonce_idempotency_index_ok": Family(
        "gauge", (), "1 if the unique index keeps duplicates out; at 0 no event is admitted."
    ),
    "hookonce_admissions_total": Family(
        "counter", ("source",), "New events that became an execution."
    ),
    "hookonce_duplicates_total": Family(
        "counter",
        ("source", "layer"),
        "Duplicates, by the layer that found them: the pre-check (pre_check), the unique index"
        " (index), or either, with a differing payload (mismatch).",
    ),
    "hookonce_filtered_total": Family(
        "counter", ("source",), "Events that a trigger's filter did not let pass."
    ),
    "hookonce_handshakes_total": Family(
        "counter", ("source",), "Requests that only verified the address."
    ),
    "hookonce_refusals_total": Family(
        "counter", ("source", "reason"), "Refused requests, by reason."
    ),
    "hookonce_errors_total": Family(
        "counter", ("source", "reason"), "Requests that failed on our side, by reason."
    ),
    "hookonce_answer_seconds": Family(
        "histogram", ("source",), "Seconds from the first byte of a webhook request to its answer."
    ),
    "hookonce_answer_limit_seconds": Family(
        "gauge", ("source",), "Seconds within which the source wants its answer, if it has a limit."
    ),
    "hookonce_attempts_total": Family(
        "counter",
        ("source", "outcome"),
        "Finished attempts: succeeded, retried (another follows), failed (permanently), exhausted"
        " (the last allowed one failed), lost (the lease expired), or not_started (the worker's"
        " machine could not start it, and it does not count).",
    ),
    "hookonce_log_lines_dropped_total": Family(
        "counter", (), "Log lines that were dropped because the log could not be written."
    ),
    "hookonce_journal_entries_dropped_total": Family(
        "counter", (), "Entries of the journal of deliveries that were lost, not being written."
    ),
    "hookonce_queue_executions": Family(
        "gauge",
        ("state",),
        "Executions that are due, scheduled for later, running, held for a person, or wait behind"
        " a pause (paused) or an open circuit breaker (breaker_open);"
        f" waiting ones are counted up to {totals.LOOKED_THROUGH}.",
    ),
    "hookonce_oldest_due_seconds": Family(
        "gauge",
        (),
        "Seconds that the oldest due execution has been due, except behind a pause or an open"
        " breaker; 0 if none is due.",
    ),
    "hookonce_dead_letters": Family(
        "gauge",
        ("reason",),
        f"The newest {totals.LOOKED_THROUGH} dead letters, by reason.",
    ),
    "hookonce_breakers_open": Family(
        "gauge", (), "Triggers with an open circuit breaker: their target keeps failing."
    ),
    "hookonce_all_paused": Family("gauge", (), "1 while all triggers are paused, else 0."),
    "hookonce_triggers_paused": Family("gauge", (), "Triggers that are paused by themselves."),
    "hookonce_workers": Family("gauge", (), "Workers that are alive: without one nothing runs."),
    "hookonce_worker_slots": Family("gauge", ("state",), "Slots of these workers, busy or free."),
}
"""All metrics; docs/metrics.md lists them."""

_LAYERS = {
    outcomes.DUPLICATE: "pre_check",
    outcomes.DUPLICATE_RACE: "index",
    outcomes.MISMATCH: "mismatch",
}
_ONE_EACH = {
    "hookonce_admissions_total": outcomes.ACCEPTED,
    "hookonce_filtered_total": outcomes.FILTERED,
    "hookonce_handshakes_total": outcomes.HANDSHAKE,
}
_BY_PREFIX = {
    "hookonce_refusals_total": "refused_",
    "hookonce_errors_total": "error_",
    "hookonce_attempts_total": "attempt_",
}
_DROPPED = {
    "hookonce_log_lines_dropped_total": LOG_LINES_DROPPED,
    "hookonce_journal_entries_dropped_total": JOURNAL_DROPPED,
}
_OUTCOMES = (*outcomes.ALL, *outcomes.ATTEMPTS)


class Metrics:
    """GET /metrics: all metrics, at most a second old."""

    def __init__(self, database: Database, schema: SchemaWatch) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Numbers(database, schema))
        self._lock = threading.Lock()
        self._text = b""
        self._fresh_until = 0.0

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Answer 200 even if the database is unavailable: that is one of the metrics."""
        resp.content_type = CONTENT_TYPE_PLAIN_0_0_4
        resp.data = self._current()

    def _current(self) -> bytes:
        with self._lock:  # concurrent requests wait for the same response
            if time.monotonic() >= self._fresh_until:
                self._text = generate_latest(self._registry)
                self._fresh_until = time.monotonic() + FRESH_SECONDS
            return self._text


class _Numbers(Collector):
    """Reads the numbers from the database for each collection."""

    def __init__(self, database: Database, schema: SchemaWatch) -> None:
        self._database = database
        self._schema = schema

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics; without the database only those that do not need it."""
        current, deduplicates = None, False
        try:
            read = self._schema.current()
            current, deduplicates = read.revision, read.keeps_duplicates_out
            stored = [] if schema.behind(current) else list(self._stored())
            up = True
        except (DatabaseUnavailable, SchemaMoved):
            stored, up = [], False
        needed = schema.history()[-1]
        labels = (version("hookonce"), needed, current or "none")
        yield _gauge("hookonce_build_info", {labels: 1})
        yield _gauge("hookonce_database_up", {(): int(up)})
        yield _gauge("hookonce_schema_current", {(): int(up and current == needed)})
        if up:
            yield _gauge("hookonce_idempotency_index_ok", {(): int(deduplicates)})
        yield _gauge("hookonce_answer_limit_seconds", _limits())
        yield from stored

    def _stored(self) -> Iterator[Metric]:
        with self._database.reading() as connection:
            sums = totals.sums(connection)
            due_triggers = due.find_triggers(connection)
            present = totals.present(connection, due_triggers)
            oldest = due.longest_due_seconds(due_triggers) or 0.0
        yield from _counters(sums)
        yield _histogram(sums)
        yield from _gauges(present, oldest)


def _counters(sums: Sums) -> Iterator[Metric]:
    for name, outcome in _ONE_EACH.items():
        yield _counter(name, (((source,), of.get(outcome, 0)) for source, of in sums.items()))
    yield _counter(
        "hookonce_duplicates_total",
        (
            ((source, layer), of.get(outcome, 0))
            for source, of in sums.items()
            for outcome, layer in _LAYERS.items()
        ),
    )
    for name, prefix in _BY_PREFIX.items():
        yield _counter(
            name,
            (
                ((source, outcome.removeprefix(prefix)), of.get(outcome, 0))
                for source, of in sums.items()
                for outcome in _OUTCOMES
                if outcome.startswith(prefix)
            ),
        )
    for name, outcome in _DROPPED.items():
        yield _counter(name, [((), sum(of.get(outcome, 0) for of in sums.values()))])


def _histogram(sums: Sums) -> Metric:
    family = FAMILIES["hookonce_answer_seconds"]
    made = HistogramMetricFamily("hookonce_answer_seconds", family.help, labels=family.labels)
    for source, of in sums.items():
        if any(name in of for name in latency.CLASSES):
            buckets = latency.cumulative(of)
            made.add_metric((source,), buckets, of.get(latency.MICROSECONDS, 0) / 1_000_000)
    return made


def _gauges(present: Present, oldest: float) -> Iterator[Metric]:
    states: dict[tuple[str, ...], float] = {
        ("due",): present.due,
        ("scheduled",): present.scheduled,
        ("running",): present.running,
        ("held",): present.held,
        ("paused",): present.paused,
        ("breaker_open",): present.breaker_open,
    }
    yield _gauge("hookonce_queue_executions", states)
    yield _gauge("hookonce_oldest_due_seconds", {(): oldest})
    dead = dict.fromkeys((*lifecycle.REASONS, UNKNOWN), 0) | dict(present.dead)
    yield _gauge("hookonce_dead_letters", {(each,): number for each, number in dead.items()})
    yield _gauge("hookonce_breakers_open", {(): present.breakers_open})
    yield _gauge("hookonce_all_paused", {(): int(present.all_paused)})
    yield _gauge("hookonce_triggers_paused", {(): present.triggers_paused})
    alive = present.workers
    yield _gauge("hookonce_workers", {(): alive.count})
    slots: dict[tuple[str, ...], float] = {
        ("busy",): alive.busy,
        ("free",): max(0, alive.slots - alive.busy),
    }
    yield _gauge("hookonce_worker_slots", slots)


def _limits() -> dict[tuple[str, ...], float]:
    facts = {name: sources.named(name).facts for name in sources.names()}
    return {(n,): f.answer_seconds for n, f in facts.items() if f.answer_seconds is not None}


def _counter(name: str, numbers: Iterable[tuple[tuple[str, ...], int]]) -> Metric:
    family = FAMILIES[name]
    made = CounterMetricFamily(name.removesuffix("_total"), family.help, labels=family.labels)
    for labels, number in numbers:
        made.add_metric(labels, number)
    return made


def _gauge(name: str, numbers: Mapping[tuple[str, ...], float]) -> Metric:
    family = FAMILIES[name]
    made = GaugeMetricFamily(name, family.help, labels=family.labels)
    for labels, number in numbers.items():
        made.add_metric(labels, number)
    return made

"""Compare what was promised to the senders of a load with the rows and the target."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from app.lifecycle import COMPLETED, LOST, SUCCEEDED, UNFINISHED
from tests.support.ledger import Ledger
from tests.support.load import ACKNOWLEDGED, NO_ANSWER, REFUSED, Load
from tests.support.sink import Received

EXPECTED = (ACKNOWLEDGED, REFUSED, NO_ANSWER)
"""The answers that a sender may get while processes are killed.

If none is killed, `no answer` must not occur.
"""


@dataclass(frozen=True)
class Findings:
    """The numbers of one run; those of `broken` must be 0."""

    deliveries: int
    """Number of acknowledged deliveries."""
    events: int
    duplicates: int
    answers: dict[str, int]
    runs_again: int
    """Number of requests at the target beyond one for each execution."""
    lost_attempts: int
    lost_by_the_living: int
    """Number of lost attempts whose worker was not killed."""
    failed_attempts: int
    longest_lost_seconds: float
    """Seconds from the start of a lost attempt until another worker found its lease expired."""
    broken: dict[str, int]
    """The number of violations of each promise."""

    def not_kept(self) -> dict[str, int]:
        """Return the promises that were broken, with their numbers."""
        return {promise: count for promise, count in self.broken.items() if count}


@dataclass(frozen=True)
class Seen:
    """The complete requests that the target received, as (execution, event)."""

    pairs: list[tuple[str, str]]

    @classmethod
    def of(cls, requests: Iterable[Received]) -> "Seen":
        whole = [each for each in requests if len(each.body) == int(each.headers["Content-Length"])]
        return cls([(each.headers["Idempotency-Key"], _key(each.body)) for each in whole])

    def runs(self) -> Counter[int]:
        """Return the number of requests of each execution."""
        return Counter(int(execution) for execution, _ in self.pairs)

    def events_of_several(self) -> int:
        """Return the number of events that had several Idempotency-Keys, or shared one."""
        executions, events = defaultdict(set), defaultdict(set)
        for execution, event in self.pairs:
            executions[event].add(execution)
            events[execution].add(event)
        return sum(len(each) > 1 for each in (*executions.values(), *events.values()))


def found(
    load: Load, ledger: Ledger, requests: Iterable[Received], killed: frozenset[int] = frozenset()
) -> Findings:
    """Return the findings after all work is done; `killed` were killed or frozen (process ids)."""
    rows = ledger.executions()
    attempts = ledger.attempts()
    seen = Seen.of(requests)
    lost = [each for each in attempts if each.outcome == LOST]
    failed = [each for each in attempts if each.outcome not in (LOST, SUCCEEDED)]
    unsuccessful = Counter(each.execution_id for each in (*lost, *failed))
    runs = seen.runs()
    again = {execution: count - 1 for execution, count in runs.items() if count > 1}
    return Findings(
        deliveries=load.deliveries,
        events=len(load.acknowledged),
        duplicates=load.duplicates,
        answers=dict(load.answers),
        runs_again=sum(again.values()),
        lost_attempts=len(lost),
        lost_by_the_living=sum(_process(each.worker) not in killed for each in lost),
        failed_attempts=len(failed),
        longest_lost_seconds=max(map(_lasted, lost), default=0.0),
        broken={
            "acknowledged events lost": len(load.acknowledged.keys() - _keys(rows)),
            "second rows for a key": len(rows) - len(_keys(rows)),
            "rows of events never sent": len(_keys(rows) - load.acknowledged.keys()),
            "answers other than 200 and 503": sum(
                count for status, count in load.answers.items() if status not in EXPECTED
            ),
            "executions left unfinished": sum(row.status in UNFINISHED for row in rows),
            "executions that became dead letters": sum(
                row.status not in (*UNFINISHED, COMPLETED) for row in rows
            ),
            "executions that the target never received": len(
                {row.id for row in rows} - runs.keys()
            ),
            "events with more than one `Idempotency-Key`": seen.events_of_several(),
            "executions not settled as succeeded exactly once": _not_settled_once(rows, attempts),
            "runs again without a lost or failed attempt": sum(
                max(0, more - unsuccessful[execution]) for execution, more in again.items()
            ),
        },
    )


def completed(ledger: Ledger) -> int:
    """Return the number of attempts that have ended so far."""
    query = "SELECT count(*) FROM execution_attempts WHERE finished_at IS NOT NULL"
    with ledger.database.reading() as connection:
        return int(connection.execute(sa.text(query)).scalar_one())


def _key(body: bytes) -> str:
    return str(json.loads(body)["idempotency_key"])


def _keys(rows: Iterable[sa.Row[Any]]) -> set[str]:
    return {row.idempotency_key for row in rows}


def _process(worker: str) -> int:
    """Return the process id in a lease owner's name."""
    return int(worker.split(":")[1])


def _lasted(attempt: sa.Row[Any]) -> float:
    return float((attempt.finished_at - attempt.started_at).total_seconds())


def _not_settled_once(rows: Iterable[sa.Row[Any]], attempts: Iterable[sa.Row[Any]]) -> int:
    succeeded = Counter(each.execution_id for each in attempts if each.outcome == SUCCEEDED)
    return sum(succeeded[row.id] != 1 for row in rows)

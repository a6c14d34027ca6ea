"""Count deliveries in memory while requests are answered: a lock and a few numbers, no database.

The size is limited, since senders choose the keys that are counted: keys beyond it are dropped,
and the number of dropped counts is known.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar

from app import clock
from app.stats import latency

NOBODY = 0
"""Trigger id of the counts of all unknown addresses: ids that strangers chose are never stored."""
LOG_LINES_DROPPED = "log_lines_dropped"
"""Name under which dropped log lines are counted, in the table of deliveries and of NOBODY."""
JOURNAL_DROPPED = "journal_entries_dropped"
"""Name under which entries that the journal of deliveries lost are counted, as above."""
DISTINCT_AT_MOST = 10_000
"""Keys of each kind that one process keeps; some 2 MB."""
CLAIMED_AT_MOST = 1_000
"""Keys whose trigger is not looked up yet: a stranger may have chosen their ids."""

Key = TypeVar("Key")


class CounterKey(NamedTuple):
    """The key of a count: an hour, a trigger and an outcome."""

    hour: datetime
    trigger_id: int
    outcome: str


class KeyMismatch(NamedTuple):
    """A delivery with the key of an execution and another payload, by its digest."""

    execution_id: int
    digest: str


class Seen(NamedTuple):
    """The number of deliveries, and the times of the first and the last."""

    number: int
    first_at: datetime
    last_at: datetime


@dataclass(slots=True)
class CountBatch:
    """Counts that are not in the database yet."""

    counts: dict[CounterKey, int] = field(default_factory=dict)
    claimed: dict[CounterKey, int] = field(default_factory=dict)
    """Counts of requests that were refused before their trigger was looked up."""
    repeats: dict[int, Seen] = field(default_factory=dict)
    mismatches: dict[KeyMismatch, Seen] = field(default_factory=dict)
    dropped: int = 0

    def __bool__(self) -> bool:
        return bool(self.counts or self.claimed or self.repeats or self.mismatches)

    def count(self, key: CounterKey, number: int = 1) -> None:
        """Add to the count of this key."""
        before = self.counts.get(key)
        if before is not None:
            self.counts[key] = before + number
        elif self._fits(self.counts, key, DISTINCT_AT_MOST, number):
            self.counts[key] = number

    def claim(self, key: CounterKey, number: int = 1) -> None:
        """Add to the count of this key; if no such trigger exists, it is stored under NOBODY."""
        if key in self.claimed or len(self.claimed) < CLAIMED_AT_MOST:
            self.claimed[key] = self.claimed.get(key, 0) + number
        else:
            self.count(key._replace(trigger_id=NOBODY), number)

    def see(self, seen: dict[Key, Seen], key: Key, more: Seen) -> None:
        """Add these deliveries to those that were seen under the key before."""
        if self._fits(seen, key, DISTINCT_AT_MOST, more.number):
            before = seen.get(key)
            if before is not None:
                more = Seen(
                    before.number + more.number,
                    min(before.first_at, more.first_at),
                    max(before.last_at, more.last_at),
                )
            seen[key] = more

    def join(self, other: "CountBatch") -> None:
        """Add all counts of the other batch."""
        for key, number in other.counts.items():
            self.count(key, number)
        for key, number in other.claimed.items():
            self.claim(key, number)
        for execution_id, seen in other.repeats.items():
            self.see(self.repeats, execution_id, seen)
        for mismatch, seen in other.mismatches.items():
            self.see(self.mismatches, mismatch, seen)
        self.dropped += other.dropped

    def _fits(self, kept: dict[Key, int] | dict[Key, Seen], key: Key, most: int, n: int) -> bool:
        if key in kept or len(kept) < most:
            return True
        self.dropped += n
        return False


class Counters:
    """The counts of this process since the last write to the database."""

    def __init__(self, now: Callable[[], datetime] = clock.now) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._batch = CountBatch()
        self._hour_known = _hour_of(now())

    def count(self, trigger_id: int, outcome: str, number: int = 1) -> None:
        """Count deliveries to this trigger with this outcome; NOBODY for an unknown trigger."""
        key = CounterKey(self._hour(), trigger_id, outcome)
        with self._lock:
            self._batch.count(key, number)

    def count_claimed(self, trigger_id: int, outcome: str) -> None:
        """Count a request that was refused before its trigger was looked up."""
        key = CounterKey(self._hour(), trigger_id, outcome)
        with self._lock:
            self._batch.claim(key)

    def answered(self, trigger_id: int, seconds: float, *, claimed: bool = False) -> None:
        """Count an answer and its seconds; `claimed`: its trigger was never looked up."""
        hour, time_class = self._hour(), latency.counts_as(seconds)
        with self._lock:
            add = self._batch.claim if claimed else self._batch.count
            add(CounterKey(hour, trigger_id, time_class))
            add(CounterKey(hour, trigger_id, latency.MICROSECONDS), round(seconds * 1_000_000))

    def repeat(self, execution_id: int, mismatch: str | None = None) -> None:
        """Count a duplicate of this execution; `mismatch` is the digest of a differing payload."""
        now = self._now()
        seen = Seen(1, now, now)
        with self._lock:
            self._batch.see(self._batch.repeats, execution_id, seen)
            if mismatch is not None:
                key = KeyMismatch(execution_id, mismatch)
                self._batch.see(self._batch.mismatches, key, seen)

    def take(self) -> CountBatch:
        """Return all counts so far and begin again at zero."""
        with self._lock:
            taken, self._batch = self._batch, CountBatch()
            return taken

    def put_back(self, taken: CountBatch) -> None:
        """Keep counts that could not be written for the next time, up to the limits."""
        with self._lock:
            self._batch.join(taken)

    def _hour(self) -> datetime:
        """Return the current hour; the object is made, and hashed, once an hour."""
        began, ends = known = self._hour_known
        now = self._now()
        if not began <= now < ends:
            self._hour_known = known = _hour_of(now)
        return known[0]


def _hour_of(moment: datetime) -> tuple[datetime, datetime]:
    began = moment.replace(minute=0, second=0, microsecond=0)
    return began, began + timedelta(hours=1)

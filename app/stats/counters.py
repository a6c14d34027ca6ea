"""Counting while a request is answered: a lock and a few numbers, no database, no bound on time.

Bounded in size, since senders decide what is counted: what finds no place is dropped, and how much
was dropped is known.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar

from app import clock
from app.stats import latency

NOBODY = 0
"""Stands for every address that is no trigger's: a stranger's numbers are never kept."""
DISTINCT_AT_MOST = 10_000
"""Of each kind, in one process; some 2 MB."""
CLAIMED_AT_MOST = 1_000
"""Ids that are yet to be looked up: a stranger may have chosen them."""

Key = TypeVar("Key")


class CounterKey(NamedTuple):
    """Where a number belongs."""

    hour: datetime
    trigger_id: int
    outcome: str


class KeyMismatch(NamedTuple):
    """Another payload under the key of an execution."""

    execution_id: int
    digest: str


class Seen(NamedTuple):
    """How often, and from when to when."""

    number: int
    first_at: datetime
    last_at: datetime


@dataclass(slots=True)
class CountBatch:
    """Numbers that are not written down yet."""

    counts: dict[CounterKey, int] = field(default_factory=dict)
    claimed: dict[CounterKey, int] = field(default_factory=dict)
    """Counts of requests whose trigger was only named, never looked up."""
    repeats: dict[int, Seen] = field(default_factory=dict)
    mismatches: dict[KeyMismatch, Seen] = field(default_factory=dict)
    dropped: int = 0

    def __bool__(self) -> bool:
        return bool(self.counts or self.claimed or self.repeats or self.mismatches)

    def count(self, place: CounterKey, number: int = 1) -> None:
        """Add to the number of this place."""
        before = self.counts.get(place)
        if before is not None:
            self.counts[place] = before + number
        elif self._room(self.counts, place, DISTINCT_AT_MOST, number):
            self.counts[place] = number

    def claim(self, place: CounterKey, number: int = 1) -> None:
        """Add to the number of this place, if it proves to be a trigger's; else to nobody's."""
        if place in self.claimed or len(self.claimed) < CLAIMED_AT_MOST:
            self.claimed[place] = self.claimed.get(place, 0) + number
        else:
            self.count(place._replace(trigger_id=NOBODY), number)

    def see(self, seen: dict[Key, Seen], key: Key, more: Seen) -> None:
        """Join this with what was seen under the key before."""
        if self._room(seen, key, DISTINCT_AT_MOST, more.number):
            before = seen.get(key, more._replace(number=0))
            seen[key] = Seen(
                before.number + more.number,
                min(before.first_at, more.first_at),
                max(before.last_at, more.last_at),
            )

    def join(self, other: "CountBatch") -> None:
        """Add all of the other's numbers."""
        for place, number in other.counts.items():
            self.count(place, number)
        for place, number in other.claimed.items():
            self.claim(place, number)
        for execution_id, seen in other.repeats.items():
            self.see(self.repeats, execution_id, seen)
        for mismatch, seen in other.mismatches.items():
            self.see(self.mismatches, mismatch, seen)
        self.dropped += other.dropped

    def _room(self, kept: dict[Key, int] | dict[Key, Seen], key: Key, most: int, n: int) -> bool:
        if key in kept or len(kept) < most:
            return True
        self.dropped += n
        return False


class Counters:
    """What this process has counted since the last time that it was written down."""

    def __init__(self, now: Callable[[], datetime] = clock.now) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._batch = CountBatch()
        self._hour_known = _hour_of(now())

    def count(self, trigger_id: int, outcome: str, number: int = 1) -> None:
        """So many more deliveries to this trigger came to this; NOBODY for an unknown one."""
        place = CounterKey(self._hour(), trigger_id, outcome)
        with self._lock:
            self._batch.count(place, number)

    def count_claimed(self, trigger_id: int, outcome: str) -> None:
        """Likewise, for a request that was turned away before its trigger was looked up."""
        place = CounterKey(self._hour(), trigger_id, outcome)
        with self._lock:
            self._batch.claim(place)

    def answered(self, trigger_id: int, seconds: float, *, claimed: bool = False) -> None:
        """A sender was answered after so long; `claimed`: its trigger was never looked up."""
        hour, took = self._hour(), latency.counts_as(seconds)
        with self._lock:
            add = self._batch.claim if claimed else self._batch.count
            add(CounterKey(hour, trigger_id, took))
            add(CounterKey(hour, trigger_id, latency.MICROSECONDS), round(seconds * 1_000_000))

    def repeat(self, execution_id: int, mismatch: str | None = None) -> None:
        """The event of this execution came again; with the digest of its payload if it differs."""
        now = self._now()
        seen = Seen(1, now, now)
        with self._lock:
            self._batch.see(self._batch.repeats, execution_id, seen)
            if mismatch is not None:
                key = KeyMismatch(execution_id, mismatch)
                self._batch.see(self._batch.mismatches, key, seen)

    def take(self) -> CountBatch:
        """All numbers so far; counting begins anew."""
        with self._lock:
            taken, self._batch = self._batch, CountBatch()
            return taken

    def put_back(self, taken: CountBatch) -> None:
        """These could not be written down: keep them for the next time, as far as there is room."""
        with self._lock:
            self._batch.join(taken)

    def _hour(self) -> datetime:
        """Made once an hour, and its hash with it."""
        began, ends = known = self._hour_known
        now = self._now()
        if not began <= now < ends:
            self._hour_known = known = _hour_of(now)
        return known[0]


def _hour_of(moment: datetime) -> tuple[datetime, datetime]:
    began = moment.replace(minute=0, second=0, microsecond=0)
    return began, began + timedelta(hours=1)

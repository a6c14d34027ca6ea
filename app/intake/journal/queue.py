"""Queue entries of the journal in memory: a lock and a few numbers, no database.

Strangers choose how many refused requests arrive. So each outcome of a trigger has a rate: entries
above it are only counted, and the count is added to the newest entry of its kind. The queue is
limited in entries and bytes: entries that do not fit are dropped and counted.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from app import clock
from app.intake.journal.entries import Entry
from app.stats.counters import NOBODY

QUEUED_AT_MOST = 1_000
"""Entries of one process that wait to be written."""
QUEUED_BYTES = 8 * 1_048_576
"""Bytes of these entries, with the bodies that are kept for a diagnosis."""
BURST = 100
"""Entries of one outcome of a trigger that are taken one after the other."""
PER_SECOND = 1.0
"""Entries in each second after such a burst."""
BURST_OF_ALL = 500
PER_SECOND_OF_ALL = 20.0
"""The same for all triggers of a process together."""
KINDS_AT_MOST = 10_000
"""Pairs of trigger and outcome that are counted until the next write."""
RATES_AT_MOST = 1_000
"""Kinds whose rate is remembered: strangers choose ids, and 10,000 rates would take 3 MB."""


class EntryKind(NamedTuple):
    """The entries that are limited together: those of one trigger with one outcome."""

    trigger_id: int
    outcome: str


class More(NamedTuple):
    """The number of deliveries that were only counted, and the time of the last."""

    number: int
    last_at: datetime


@dataclass(slots=True)
class Rate:
    """A bucket of tokens: each entry takes one, and they come back at a fixed rate."""

    burst: float
    per_second: float
    tokens: float
    since: float

    def take(self, now: float) -> bool:
        """Take a token; return False if there is none."""
        tokens = self.tokens + (now - self.since) * self.per_second
        self.tokens = tokens if tokens < self.burst else self.burst
        self.since = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


@dataclass(slots=True)
class JournalBatch:
    """Entries that are not in the database yet."""

    entries: list[Entry] = field(default_factory=list)
    more: dict[EntryKind, More] = field(default_factory=dict)
    dropped: int = 0
    size: int = 0

    def __bool__(self) -> bool:
        return bool(self.entries or self.more or self.dropped)

    def add(self, entry: Entry) -> None:
        """Queue the entry; drop it if the queue is full."""
        size = entry.memory_bytes
        if len(self.entries) >= QUEUED_AT_MOST or self.size + size > QUEUED_BYTES:
            self.dropped += 1
            return
        self.entries.append(entry)
        self.size += size

    def forget(self, number: int) -> None:
        """Remove the first entries, which are written."""
        self.size -= sum(entry.memory_bytes for entry in self.entries[:number])
        del self.entries[:number]

    def count(self, kind: EntryKind, more: More) -> None:
        """Count deliveries that get no entry of their own."""
        before = self.more.get(kind)
        if before is not None:
            more = More(before.number + more.number, max(before.last_at, more.last_at))
        elif len(self.more) >= KINDS_AT_MOST:
            self.dropped += more.number
            return
        self.more[kind] = more


class Journal:
    """The entries of this process since the last write to the database."""

    def __init__(
        self,
        now: Callable[[], datetime] = clock.now,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._now = now
        self._seconds = seconds
        self._lock = threading.Lock()
        self._batch = JournalBatch()
        self._rates: dict[EntryKind, Rate] = {}
        self._rate_of_all = Rate(BURST_OF_ALL, PER_SECOND_OF_ALL, BURST_OF_ALL, seconds())

    def note(self, trigger_id: int, outcome: str, make: Callable[[datetime], Entry]) -> None:
        """Queue the entry that `make` returns; above the rate only count it.

        An unknown address costs the same and leaves nothing: the journal is the operator's, and
        strangers would fill it.
        """
        kind, at = EntryKind(trigger_id, outcome), self._now()
        with self._lock:
            if not self._take(kind):
                if trigger_id != NOBODY:
                    self._batch.count(kind, More(1, at))
                return
        entry = make(at)
        with self._lock:
            if trigger_id != NOBODY:
                self._batch.add(entry)

    def take(self) -> JournalBatch:
        """Return all entries so far and begin again with none."""
        with self._lock:
            taken, self._batch = self._batch, JournalBatch()
            return taken

    def put_back(self, taken: JournalBatch) -> None:
        """Queue entries that could not be written again, before the others, up to the limits."""
        with self._lock:
            newer, self._batch = self._batch, taken
            for entry in newer.entries:
                taken.add(entry)
            for kind, more in newer.more.items():
                taken.count(kind, more)
            taken.dropped += newer.dropped

    def _take(self, kind: EntryKind) -> bool:
        now = self._seconds()
        rate = self._rates.get(kind)
        if rate is None:
            if len(self._rates) >= RATES_AT_MOST:
                self._rates = {}
            rate = self._rates[kind] = Rate(BURST, PER_SECOND, BURST, now)
        return rate.take(now) and (kind.trigger_id == NOBODY or self._rate_of_all.take(now))

"""Simulate one sender's deliveries to a fleet of receivers and workers around an outage.

Steps of one second in plain arithmetic, without clock, network or chance: the same arguments give
the same outcome.
"""

import math
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

BEFORE_SECONDS = 60
"""Seconds of undisturbed traffic before the outage."""
AFTER_SECONDS = 3_600
"""Seconds after the outage in which new events still come."""
PATIENCE_SECONDS = 21_600
"""Seconds after the outage at which a simulation ends, if the fleet has not recovered."""
SPREAD_POINTS = 21
"""Points of time over which retries of one second are spread."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The way in which a sender delivers again."""

    name: str
    timeout: int
    """Seconds until the sender closes a connection that gives no answer."""
    delays: tuple[int, ...]
    """Seconds from each failed delivery to the next; after the last the sender gives up."""
    spread: float = 0.0
    """Share of a delay by which it varies either way."""
    every: int = 1
    """Seconds between the runs of a job that delivers again: retries wait for the next run."""
    connections: float = math.inf
    """Deliveries that the sender has under way at most; it keeps the rest for later."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """The capacity of all receivers and of all workers together."""

    receives: float
    """New events a second."""
    runs: float
    """Executions a second."""
    connections: float
    """Deliveries that wait at most; more are refused."""
    duplicate_cost: float = 0.9
    """Cost of a duplicate, of that of a new event."""


@dataclass(slots=True)
class Outcome:
    """Figures of one simulation; times count from the end of the outage."""

    events: float = 0.0
    deliveries: float = 0.0
    acknowledged: float = 0.0
    too_late: float = 0.0
    """Events that were stored, but whose every answer came after the sender's time-out."""
    given_up: float = 0.0
    """Events that the sender gave up before they were stored."""
    most_deliveries: float = 0.0
    longest_wait: int = 0
    receiving_after: int = 0
    caught_up_after: int = 0


class Cohort(NamedTuple):
    """Deliveries that failed equally often, and whose events are all stored or all not."""

    failures: int
    is_stored: bool


@dataclass(slots=True)
class Arrived:
    """Deliveries that arrived in the same second and wait for their answer."""

    second: int
    numbers: dict[Cohort, float]
    timed_out: bool = False


@dataclass(slots=True)
class Simulation:
    """A fleet and a sender, second by second."""

    policy: Policy
    fleet: Fleet
    rate: float
    outage: int
    outcome: Outcome = field(default_factory=Outcome)
    _second: int = 0
    _retries: dict[int, dict[Cohort, float]] = field(default_factory=dict)
    _waiting: deque[Arrived] = field(default_factory=deque)
    _in_time: deque[Arrived] = field(default_factory=deque)
    """Those whose sender has not closed the connection yet."""
    _number_waiting: float = 0.0
    _unrun: float = 0.0

    def run(self) -> Outcome:
        """Return the figures once nothing waits any more, or after PATIENCE_SECONDS."""
        while not self._has_ended() and self._second < self._back_at + PATIENCE_SECONDS:
            self._step()
            self._second += 1
        return self.outcome

    @property
    def _back_at(self) -> int:
        return BEFORE_SECONDS + self.outage

    def _has_ended(self) -> bool:
        is_busy = self._retries or self._waiting or self._unrun
        return self._second >= self._back_at + AFTER_SECONDS and not is_busy

    def _step(self) -> None:
        numbers = self._delivered()
        if BEFORE_SECONDS <= self._second < self._back_at:
            for cohort, number in numbers.items():
                self._fail(cohort, number)
        else:
            self._let_in(numbers)
            self._answer()
            self._time_out()
        self._work()

    def _delivered(self) -> dict[Cohort, float]:
        """Return what the sender delivers in this second; it keeps the rest for the next."""
        numbers = defaultdict(float, self._retries.pop(self._second, {}))
        if self._second < self._back_at + AFTER_SECONDS:
            numbers[Cohort(0, is_stored=False)] += self.rate
            self.outcome.events += self.rate
        wanted = sum(numbers.values())
        total = min(wanted, self._room(self.policy.connections))
        if total < wanted:
            for cohort, number in numbers.items():
                self._later(self._second + 1, cohort, number * (1 - total / wanted))
                numbers[cohort] = number * total / wanted
        self.outcome.deliveries += total
        self.outcome.most_deliveries = max(self.outcome.most_deliveries, total)
        return numbers

    def _room(self, connections: float) -> float:
        """Return the deliveries that so many connections take in this second."""
        return max(0.0, connections + self.fleet.receives - self._number_waiting)

    def _let_in(self, numbers: dict[Cohort, float]) -> None:
        """Let deliveries wait for their answer; refuse those that find no free connection."""
        total = sum(numbers.values())
        share = min(1.0, self._room(self.fleet.connections) / total) if total else 1.0
        if share:
            taken = {cohort: number * share for cohort, number in numbers.items()}
            arrived = Arrived(self._second, taken)
            self._waiting.append(arrived)
            self._in_time.append(arrived)
            self._number_waiting += total * share
        if share < 1:
            for cohort, number in numbers.items():
                self._fail(cohort, number * (1 - share))

    def _answer(self) -> None:
        """Answer the oldest deliveries first, as many as the fleet can in a second."""
        budget = 1.0
        while self._waiting:
            oldest = self._waiting[0]
            cost = sum(number * self._cost(cohort) for cohort, number in oldest.numbers.items())
            share = min(1.0, budget / cost) if cost else 1.0
            budget -= cost * share
            self._settle(oldest, share)
            if share < 1:
                break
            self._waiting.popleft()

    def _cost(self, cohort: Cohort) -> float:
        cost = self.fleet.duplicate_cost if cohort.is_stored else 1.0
        return cost / self.fleet.receives

    def _settle(self, arrived: Arrived, share: float) -> None:
        for cohort, number in arrived.numbers.items():
            if not cohort.is_stored:
                self._unrun += number * share
            if not arrived.timed_out:
                self.outcome.acknowledged += number * share
            arrived.numbers[cohort] = number * (1 - share)
            self._number_waiting -= number * share
        wait = self._second - arrived.second
        self.outcome.longest_wait = max(self.outcome.longest_wait, wait)
        if wait:
            self._note_trouble()

    def _time_out(self) -> None:
        """Let the sender close what waited too long; the fleet reads and stores it all the same.

        Deliveries are answered in their order, so that the event is stored before the retry is.
        """
        while self._in_time and self._second - self._in_time[0].second >= self.policy.timeout:
            arrived = self._in_time.popleft()
            arrived.timed_out = True
            for cohort, number in arrived.numbers.items():
                if number:
                    self._fail(Cohort(cohort.failures, is_stored=True), number)

    def _fail(self, cohort: Cohort, number: float) -> None:
        self._note_trouble()
        if cohort.failures == len(self.policy.delays):
            if cohort.is_stored:
                self.outcome.too_late += number
            else:
                self.outcome.given_up += number
            return
        again = Cohort(cohort.failures + 1, cohort.is_stored)
        times = list(self._times(self.policy.delays[cohort.failures]))
        for second in times:
            self._later(second, again, number / len(times))

    def _later(self, second: int, cohort: Cohort, number: float) -> None:
        due = self._retries.setdefault(second, {})
        due[cohort] = due.get(cohort, 0.0) + number

    def _times(self, delay: int) -> Iterator[int]:
        """Yield the seconds at which the retries after this delay are delivered."""
        points = SPREAD_POINTS if self.policy.spread else 1
        for point in range(points):
            away = self.policy.spread * (2 * point / (points - 1) - 1) if points > 1 else 0.0
            due = self._second + max(1, round(delay * (1 + away)))
            yield math.ceil(due / self.policy.every) * self.policy.every

    def _work(self) -> None:
        self._unrun = max(0.0, self._unrun - self.fleet.runs)
        if self._unrun and self._second >= self._back_at:
            self.outcome.caught_up_after = self._second - self._back_at + 1

    def _note_trouble(self) -> None:
        if self._second >= self._back_at:
            self.outcome.receiving_after = self._second - self._back_at + 1

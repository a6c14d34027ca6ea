"""Batch the work of callers that come at the same time: one of them leads, the others wait.

A commit costs about as much for one event as for fifty. While one batch is being committed the next
one gathers; no batch waits for more callers to come.
"""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from app import cooperative
from app.db import time_limit
from app.errors import DatabaseUnavailable

Item = TypeVar("Item")
Result = TypeVar("Result")


class Ticket(Generic[Item, Result]):
    """One caller's item in a batch, and its result or error."""

    __slots__ = ("error", "handoff", "item", "result", "until", "weight")

    def __init__(self, item: Item, weight: int) -> None:
        self.item = item
        self.weight = weight
        self.result: Result | None = None
        self.error: BaseException | None = None
        self.until = time_limit.end()
        """The monotonic time until which the caller waits for the database; None: for ever."""
        self.handoff = cooperative.handoff()

    @property
    def is_late(self) -> bool:
        """Return whether the caller's time limit has ended."""
        return self.until is not None and time.monotonic() >= self.until


class GroupCommit(Generic[Item, Result]):
    """Calls `work` with the items that wait, up to a weight; each caller gets its own result.

    `work` returns a result or an exception for each item, in their order. An exception is raised in
    its caller.
    """

    def __init__(
        self, work: Callable[[list[Item]], Sequence[Result | BaseException]], weight_limit: int
    ) -> None:
        self._work = work
        self._weight_limit = weight_limit
        self._lock = threading.Lock()
        self._waiting: list[Ticket[Item, Result]] = []
        self._has_leader = False

    def __call__(self, item: Item, weight: int = 1) -> Result:
        """Return the item's result or raise its error, once its batch is done."""
        ticket: Ticket[Item, Result] = Ticket(item, weight)
        with self._lock:
            self._waiting.append(ticket)
            is_leader, self._has_leader = not self._has_leader, True
        if is_leader:
            ticket.handoff.lead(self._lead)
        try:
            ticket.handoff.wait()
        except BaseException:  # the server is stopping, and this caller will not lead a batch
            self._give_up()
            raise
        error, ticket.error = ticket.error, None
        if error is not None:
            try:
                raise error
            finally:
                del error  # it refers to this frame, and would keep the request in memory
        return ticket.result  # type: ignore[return-value]

    def _lead(self) -> None:
        """Work off one batch, and let the first waiting caller lead the next, whatever fails."""
        with self._lock:
            late, batch = self._take_late(), self._next_batch()
        try:
            with time_limit.until(_limit_of(batch)):
                outcomes = self._work([ticket.item for ticket in batch]) if batch else ()
            for ticket, outcome in zip(batch, outcomes, strict=True):
                if isinstance(outcome, BaseException):
                    ticket.error = outcome
                else:
                    ticket.result = outcome
        except BaseException as error:
            for ticket in batch:
                ticket.error = error
        finally:
            self._hand_over()
            for ticket in (*late, *batch):
                ticket.handoff.give()

    def _give_up(self) -> None:
        """End the wait of all callers: those on threads of their own must be able to end, too."""
        with self._lock:
            given_up, self._waiting, self._has_leader = self._waiting, [], False
        for ticket in given_up:
            ticket.error = DatabaseUnavailable("the server is stopping")
            ticket.handoff.give()

    def _take_late(self) -> list[Ticket[Item, Result]]:
        """Take the tickets whose time ran out while earlier batches waited for the database."""
        count = 0
        while count < len(self._waiting) and self._waiting[count].is_late:
            self._waiting[count].error = DatabaseUnavailable("the batches before took too long")
            count += 1
        if not count:
            return []
        late, self._waiting = self._waiting[:count], self._waiting[count:]
        return late

    def _next_batch(self) -> list[Ticket[Item, Result]]:
        """Take as many tickets as stay within the weight limit; the first one always."""
        weight = size = 0
        for ticket in self._waiting:
            weight += ticket.weight
            if size and weight > self._weight_limit:
                break
            size += 1
        batch, self._waiting = self._waiting[:size], self._waiting[size:]
        return batch

    def _hand_over(self) -> None:
        with self._lock:
            next_leader = self._waiting[0] if self._waiting else None
            self._has_leader = next_leader is not None
        if next_leader is not None:
            next_leader.handoff.lead(self._lead)


def _limit_of(batch: Sequence[Ticket[Item, Result]]) -> float | None:
    """Return the time until which a batch may wait for the database: that of its oldest caller."""
    limits = [ticket.until for ticket in batch if ticket.until is not None]
    return max(min(limits), time.monotonic() + time_limit.LEAST_SECONDS) if limits else None

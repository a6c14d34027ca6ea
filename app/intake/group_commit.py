"""Callers that come at the same time share one piece of work: one of them leads, the others wait.

A commit costs about as much for one event as for fifty. While one batch is under way the next one
gathers; nobody waits for company.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from app import cooperative

Item = TypeVar("Item")
Result = TypeVar("Result")


class Ticket(Generic[Item, Result]):
    """One caller's place in a batch."""

    __slots__ = ("error", "item", "result", "turn", "weight")

    def __init__(self, item: Item, weight: int) -> None:
        self.item = item
        self.weight = weight
        self.result: Result | None = None
        self.error: BaseException | None = None
        self.turn = cooperative.handoff()


class GroupCommit(Generic[Item, Result]):
    """Hands `work` all that waits, up to a weight; each caller gets its own result or error.

    `work` returns a result or an exception for each item, in their order.
    """

    def __init__(
        self, work: Callable[[list[Item]], Sequence[Result | BaseException]], heaviest: int
    ) -> None:
        self._work = work
        self._heaviest = heaviest
        self._lock = threading.Lock()
        self._waiting: list[Ticket[Item, Result]] = []
        self._led = False

    def __call__(self, item: Item, weight: int = 1) -> Result:
        """What became of this item, once the batch that it is part of is done."""
        seat: Ticket[Item, Result] = Ticket(item, weight)
        with self._lock:
            self._waiting.append(seat)
            leads, self._led = not self._led, True
        if leads:
            seat.turn.lead(self._lead)
        seat.turn.wait()
        if seat.error is not None:
            raise seat.error
        return seat.result  # type: ignore[return-value]

    def _lead(self) -> None:
        """One batch, whatever happens; then the first that waits leads: nobody leads for ever."""
        with self._lock:
            batch = self._next_batch()
        try:
            outcomes = self._work([seat.item for seat in batch])
            for seat, outcome in zip(batch, outcomes, strict=True):
                if isinstance(outcome, BaseException):
                    seat.error = outcome
                else:
                    seat.result = outcome
        except BaseException as error:
            for seat in batch:
                seat.error = error
        finally:
            self._hand_over()
            for seat in batch:
                seat.turn.give()

    def _next_batch(self) -> list[Ticket[Item, Result]]:
        """As many as are light enough together; the first one always, however heavy."""
        weight = size = 0
        for seat in self._waiting:
            weight += seat.weight
            if size and weight > self._heaviest:
                break
            size += 1
        batch, self._waiting = self._waiting[:size], self._waiting[size:]
        return batch

    def _hand_over(self) -> None:
        with self._lock:
            following = self._waiting[0] if self._waiting else None
            self._led = following is not None
        if following is not None:
            following.turn.lead(self._lead)

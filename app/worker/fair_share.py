"""Share a worker's slots between the triggers that have something due. Pure.

One trigger with a huge backlog, or a target that hangs, must not keep the others waiting.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from app.executions.due import DueTrigger

RESERVED_ONE_IN = 8
"""One in so many slots, and at least one, is kept free of triggers that hold slots for long."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """The slots of a worker, those in use, and the triggers known to be quick or slow."""

    slots: int
    """Slots in all."""
    held: Mapping[int, int]
    """Slots in use, by trigger."""
    quick: Collection[int] = ()
    """Triggers whose attempts are short: a slot that they take is soon free again."""
    slow: Collection[int] = ()
    """Triggers whose attempts are long, as they are when a target hangs."""

    @property
    def reserved(self) -> int:
        """Return the number of slots that only quick and new triggers may take."""
        return max(1, self.slots // RESERVED_ONE_IN) if self.slots > 1 else 0


def allocate(due_triggers: Sequence[DueTrigger], capacity: Capacity) -> dict[int, int]:
    """Return the number to start of each trigger: each slot goes to the one with the fewest.

    Between equals the longest waiting comes first. The reserved slots go to triggers that are
    known to be quick, and to those of which nothing runs here, unless they are known to be slow:
    a host that hangs may be the target of more triggers than there are slots.
    """
    free = capacity.slots - sum(capacity.held.values())
    by_id = {each.trigger_id: each for each in due_triggers if each.allowed_count > 0}
    waiting = [
        (capacity.held.get(each.trigger_id, 0), each.due_in_seconds, each.trigger_id)
        for each in by_id.values()
    ]
    heapify(waiting)
    shares: dict[int, int] = {}
    while free > 0 and waiting:
        held, due, trigger_id = heappop(waiting)
        may_hold_long = trigger_id in capacity.slow or (held and trigger_id not in capacity.quick)
        if may_hold_long and free <= capacity.reserved:
            continue
        free -= 1
        shares[trigger_id] = shares.get(trigger_id, 0) + 1
        if shares[trigger_id] < by_id[trigger_id].allowed_count:
            heappush(waiting, (held + 1, due, trigger_id))
    return shares


def next_in_seconds(due_triggers: Sequence[DueTrigger]) -> float | None:
    """Return the seconds until the next execution becomes due; None if none is scheduled."""
    waits = (each.wait_seconds for each in due_triggers)
    return min((seconds for seconds in waits if 0 < seconds < float("inf")), default=None)

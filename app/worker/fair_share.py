"""Whose turn is it? The room of a worker is shared out between triggers. Pure.

One trigger with a huge backlog, or a target that hangs, must not keep the others waiting.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from app.executions.due import DueTrigger

RESERVED_ONE_IN = 8
"""Which part of a worker is kept from triggers that occupy it for long, at least one place."""
SINCE_EVER_SECONDS = 1e9
"""Older code makes executions due since 1970: that is no time that anything has waited."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """What a worker has to share out, and what it knows of those who want it."""

    places: int
    """In all."""
    held: Mapping[int, int]
    """By trigger: the places that are taken now."""
    quick: Collection[int] = ()
    """Triggers whose attempts are short: a place that they take is soon free again."""
    slow: Collection[int] = ()
    """Triggers whose attempts are long, as they are where a target hangs."""

    @property
    def reserved(self) -> int:
        """The places that no trigger gets beside others for which it may keep them long."""
        return max(1, self.places // RESERVED_ONE_IN) if self.places > 1 else 0


def out(turns: Sequence[DueTrigger], room: Capacity) -> dict[int, int]:
    """How many of each trigger shall begin now: place by place to whoever holds the fewest.

    Between equals the longest waiting comes first. The reserved places go to triggers that are
    known to be quick, and to those of which nothing runs here, unless they are known to be slow:
    a host that hangs may be the target of more triggers than there are places.
    """
    free = room.places - sum(room.held.values())
    by_id = {turn.trigger_id: turn for turn in turns if turn.allowed_count > 0}
    waiting = [
        (room.held.get(turn.trigger_id, 0), turn.due_in_seconds, turn.trigger_id)
        for turn in by_id.values()
    ]
    heapify(waiting)
    given: dict[int, int] = {}
    while free > 0 and waiting:
        held, due, trigger_id = heappop(waiting)
        keeps_it = trigger_id in room.slow or (held and trigger_id not in room.quick)
        if keeps_it and free <= room.reserved:
            continue
        free -= 1
        given[trigger_id] = given.get(trigger_id, 0) + 1
        if given[trigger_id] < by_id[trigger_id].allowed_count:
            heappush(waiting, (held + 1, due, trigger_id))
    return given


def next_in_seconds(turns: Sequence[DueTrigger]) -> float | None:
    """How soon something that is not due yet will be; None if nothing is known to come."""
    return min((turn.wait_seconds for turn in turns if turn.wait_seconds > 0), default=None)


def longest_due_seconds(turns: Iterable[DueTrigger]) -> float | None:
    """For how long, to the millisecond, what has waited longest is due; None if nothing is."""
    due = (round(-turn.due_in_seconds, 3) for turn in turns if turn.due_in_seconds <= 0)
    return max((seconds for seconds in due if seconds < SINCE_EVER_SECONDS), default=None)

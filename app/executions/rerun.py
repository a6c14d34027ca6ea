"""Describe an execution that is to run again: a replay, a second run, or an edited payload."""

from dataclasses import dataclass
from typing import NamedTuple

from app import lifecycle
from app.executions import origins
from app.executions.origins import EditedPayload


class OldExecution(NamedTuple):
    """The execution that is to run again, and its trigger."""

    id: int
    trigger_id: int


@dataclass(frozen=True, slots=True)
class Rerun:
    """A way to run executions again: statuses that allow it, the key, and the edited payload."""

    statuses: tuple[str, ...] = lifecycle.DEAD
    kind: str = origins.REPLAY
    own_key: bool = False
    """True: the target receives the new execution's own Idempotency-Key, not that of the chain."""
    edited: EditedPayload | None = None

    @property
    def takes_over(self) -> bool:
        """Return whether the old execution gets the status `replayed`."""
        return self.statuses == lifecycle.DEAD

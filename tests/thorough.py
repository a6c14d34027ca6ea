"""How much of what can be tried is tried: all of it where TESTS_THOROUGH is set, as CI does."""

import os
from collections.abc import Sequence
from typing import TypeVar

Case = TypeVar("Case")

THOROUGH = bool(os.environ.get("TESTS_THOROUGH"))

OF_EITHER = {
    "migrations/test_adoption",
    "migrations/test_kill_points",
    "migrations/test_round_trip",
    "process/test_answered_in_turn",
    "process/test_bodies",
    "process/test_canaries",
    "process/test_chaos",
    "process/test_counts",
    "process/test_hostile_requests",
    "process/test_live_migrations",
    "process/test_metrics",
    "process/test_people",
    "process/test_prune",
    "process/test_samples_end_to_end",
    "process/test_stalled_senders",
    "process/test_start_and_stop",
    "process/test_tutorial",
}
"""Long, or hardly a matter of the database: where not all is tried, each runs on one of the two."""


def some(cases: Sequence[Case], one_in: int) -> Sequence[Case]:
    """The cases, or the first and last of them and one in so many between."""
    return cases if THOROUGH else [*cases[:-1:one_in], cases[-1]]

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
    "process/db/test_live_migrations",
    "process/executions/test_prune",
    "process/intake/test_bodies",
    "process/intake/test_counts",
    "process/intake/test_samples_end_to_end",
    "process/server/test_answering_thread",
    "process/server/test_hostile_requests",
    "process/server/test_stalled_senders",
    "process/server/test_start_and_stop",
    "process/web/test_canaries",
    "process/web/test_metrics",
    "process/web/test_tokens",
    "process/web/test_tutorial",
    "process/worker/test_chaos",
}
"""Long, or hardly a matter of the database: where not all is tried, each runs on one of the two."""


def some(cases: Sequence[Case], one_in: int) -> Sequence[Case]:
    """The cases, or the first and last of them and one in so many between."""
    return cases if THOROUGH else [*cases[:-1:one_in], cases[-1]]

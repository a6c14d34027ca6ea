"""Select the tests to run: all of them if TESTS_THOROUGH is set, as in CI, otherwise a part."""

import os
from collections.abc import Sequence
from typing import TypeVar

Case = TypeVar("Case")

THOROUGH = bool(os.environ.get("TESTS_THOROUGH"))
EVERY_KILL = bool(os.environ.get("TESTS_EVERY_KILL"))
"""True if migrations are killed at every statement, which takes longer than CI may."""

OF_EITHER = {
    "browser/test_story",
    "integration/cli/test_dead",
    "integration/cli/test_operations",
    "migrations/test_adoption",
    "migrations/test_concurrency",
    "migrations/test_duplicates",
    "migrations/test_kill_points",
    "migrations/test_round_trip",
    "migrations/test_row_identity",
    "migrations/test_version_table",
    "process/db/test_database_in_trouble",
    "process/db/test_live_migrations",
    "process/db/test_lost_index",
    "process/db/test_not_ready",
    "process/db/test_schema_in_trouble",
    "process/db/test_silent_database",
    "process/executions/test_prune",
    "process/intake/test_bodies",
    "process/intake/test_counts",
    "process/intake/test_samples_end_to_end",
    "process/server/test_abusive_peers",
    "process/server/test_answering_thread",
    "process/server/test_hostile_requests",
    "process/server/test_quick_stop",
    "process/server/test_stalled_senders",
    "process/server/test_start_and_stop",
    "process/server/test_unread_log",
    "process/web/test_api_as_described",
    "process/web/test_canaries",
    "process/web/test_metrics",
    "process/web/test_tokens",
    "process/web/test_tutorial",
    "process/worker/test_chaos",
    "process/worker/test_descendants",
    "process/worker/test_killed",
    "process/worker/test_signals",
}
"""Test modules that are slow or hardly depend on the database.

If not all tests run, each of their tests runs on one of the two databases.
"""


def some(cases: Sequence[Case], one_in: int) -> Sequence[Case]:
    """Return all cases if thorough, else the first, the last, and one in `one_in` of the others."""
    return cases if THOROUGH else [*cases[:-1:one_in], cases[-1]]

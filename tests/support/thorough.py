"""Select the tests to run: all of them if TESTS_THOROUGH is set, as in CI, otherwise a part."""

import os
from collections.abc import Sequence
from typing import TypeVar

Case = TypeVar("Case")

THOROUGH = bool(os.environ.get("TESTS_THOROUGH"))
EVERY_KILL = bool(os.environ.get("TESTS_EVERY_KILL"))
"""True if migrations are killed at every statement, which takes longer than CI may."""

COPY_EVERY_TABLE = bool(os.environ.get("TESTS_COPY_EVERY_TABLE"))
"""True if migrations of SQLite treat each table as a large one, which they copy beside writers."""

ON_BOTH = (
    "integration/db",
    "integration/executions",
    "integration/intake",
    "integration/worker",
    "migrations/test_history",
)
"""Directories and modules whose tests run on both databases each time: the promise itself.

If not all tests run, each test of any other module runs on one of the two databases, of which its
name decides.
"""


SPREAD = (
    "integration/db/test_database",
    "integration/executions/test_bulk_replay",
    "integration/executions/test_dead_letters",
    "integration/executions/test_decisions",
    "integration/executions/test_held",
    "integration/executions/test_moves",
    "integration/executions/test_prune",
    "integration/executions/test_replay",
    "integration/executions/test_search",
    "integration/intake/test_admit",
    "integration/intake/test_batch",
    "integration/intake/test_key_lifetime",
    "integration/intake/test_mismatch",
    "integration/intake/test_receive",
    "integration/stats/test_counter_writer",
    "integration/triggers/test_removal",
    "integration/triggers/test_repeat",
    "integration/worker/test_circuit_breaker",
    "integration/worker/test_claim",
    "integration/worker/test_leases",
    "integration/worker/test_loop",
    "integration/worker/test_pauses",
    "integration/worker/test_settle",
)
"""Modules that also run on executions spread by their trigger, if all tests run.

Once on partitions, and once with the forms of statements that Citus needs.
"""


def some(cases: Sequence[Case], one_in: int) -> Sequence[Case]:
    """Return all cases if thorough, else the first, the last, and one in `one_in` of the others."""
    return cases if THOROUGH else [*cases[:-1:one_in], cases[-1]]

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


def some(cases: Sequence[Case], one_in: int) -> Sequence[Case]:
    """Return all cases if thorough, else the first, the last, and one in `one_in` of the others."""
    return cases if THOROUGH else [*cases[:-1:one_in], cases[-1]]

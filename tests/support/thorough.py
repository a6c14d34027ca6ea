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

OF_EITHER = (
    "browser",
    "integration/cli",
    "integration/notifications",
    "migrations/test_adoption",
    "migrations/test_attachments",
    "migrations/test_concurrency",
    "migrations/test_drafts",
    "migrations/test_duplicates",
    "migrations/test_former_stashes",
    "migrations/test_hidden_columns",
    "migrations/test_kill_points",
    "migrations/test_round_trip",
    "migrations/test_row_identity",
    "migrations/test_version_table",
    "process",
    "web",
)
"""Directories and modules of tests that are slow or hardly depend on the database.

If not all tests run, each of their tests runs on one of the two databases.
"""


def some(cases: Sequence[Case], one_in: int) -> Sequence[Case]:
    """Return all cases if thorough, else the first, the last, and one in `one_in` of the others."""
    return cases if THOROUGH else [*cases[:-1:one_in], cases[-1]]

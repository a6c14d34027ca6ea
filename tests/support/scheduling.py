"""Distribute the tests over processes, and keep together those that share something costly.

The mark `xdist_group` does this no longer: pytest 9.2 ignores the suffix that it gives to a test's
id.
"""

from xdist.scheduler import LoadScopeScheduling

TOGETHER = (
    "tests/browser/",
    "tests/migrations/test_round_trip.py",
    "tests/process/db/test_pooler.py",
    "tests/process/deploy/test_bare_root",
    "tests/process/deploy/test_wheel.py",
    "tests/process/docs/test_contributing.py",
)
"""Beginnings of the ids of tests that share something that takes long to make.

A service and browser, a seeded database, a root, a pooler, a wheel, or a copy of the tree.
"""


class Distribution(LoadScopeScheduling):
    """Gives a free process the next test, or the next whole group of `TOGETHER`."""

    def _split_scope(self, nodeid: str) -> str:
        return next((group for group in TOGETHER if nodeid.startswith(group)), nodeid)

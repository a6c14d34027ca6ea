"""docs/migrations.md tells what was found of every revision there is, and nothing that was not."""

import re
from pathlib import Path

import pytest

from app.db import schema
from bench import migration_report
from tests.support.databases import KINDS, ROOT

PAGE = (ROOT / "docs" / "migrations.md").read_text()
ROWS = {
    (cells[0].strip("`"), cells[1]): cells[2:]
    for line in PAGE.splitlines()
    if line.startswith("| `")
    for cells in [[cell.strip() for cell in line.strip("|").split("|")]]
}


def test_the_rows_are_those_of_the_revisions_up_to_the_last_report() -> None:
    """A new revision has no row until the report is made again, which takes half an hour."""
    every = [(number, kind) for number in schema.history() for kind in KINDS]

    assert ROWS
    assert list(ROWS) == every[: len(ROWS)]


@pytest.mark.parametrize("which", ROWS, ids="-".join)
def test_a_row_holds_what_was_found_and_measured(which: tuple[str, str]) -> None:
    lossless, adopted, killed, _, _, broken, down, up, *_ = ROWS[which]

    assert lossless == "yes"
    assert int(adopted) > 0
    assert int(killed) > 0
    assert broken in ("0", "-")
    assert all(re.fullmatch(r"[\d,]+ / [\d,]+", step) for step in (down, up))


def test_the_page_counts_what_the_tests_recorded(tmp_path: Path) -> None:
    tests, locks = tmp_path / "tests.xml", tmp_path / "locks.txt"
    tests.write_text(
        '<testsuites><testcase name="test_one_step_down_and_up_again_nothing_is_lost'
        '[0003-sqlite]"/>'
        '<testcase name="test_an_upgrade_killed_anywhere[0003-sqlite]"><properties>'
        '<property name="kills_survived" value="7"/></properties></testcase>'
        '<testcase name="test_a_downgrade_killed_anywhere[0003-sqlite]"><failure/></testcase>'
        '<testcase name="test_migrations_down_to_0002_and_back_cost[sqlite]"><properties>'
        '<property name="cycles" value="3"/><property name="not_2xx" value="0"/>'
        '<property name="lost_or_doubled" value="0"/></properties></testcase></testsuites>'
    )
    locks.write_text(
        "sqlite, 1,000 executions\n"
        "0003 down to 0002   1234   56   200   7   8   load 1.5\n"
        "  slowest until 20:31:17: BEGIN 0 ms, INSERT 1 ms, COMMIT 55 ms\n"
        "again up to 0003   9   5   20   -3   4   load 2.5\n"
    )

    cases = list(migration_report.passed(str(tests)))
    steps = migration_report.measured(str(locks))
    row = migration_report.row(cases, steps, "0003", "sqlite")

    assert row == (
        "| `0003` | sqlite | yes | 0 | 7 | 3 | 0 | 0 | 1,234 / 56 | not measured | 9 / 5 "
        "| 7 / - | 8 / - |"
    )
    assert migration_report.measured_on([str(locks)]) == [
        "sqlite, 1,000 executions at a load of 1.5 to 2.5"
    ]

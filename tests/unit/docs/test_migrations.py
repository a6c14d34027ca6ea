"""docs/migrations.md tells what was found of every revision there is, and nothing that was not."""

import re
from pathlib import Path

import pytest

from app.db import schema
from bench import migration_report
from tests.support.databases import KINDS, ROOT

Rows = dict[tuple[str, str], list[str]]
LOCKS = """
sqlite, 1,000 executions of 600 bytes, 2 cores
step    took, ms   slowest, ms
0003 down to 0002   1234   56   3   200   7   8   load 1.5
0002 down to 0001   1   2   3   4   5   6   load 2.0

sqlite, 10,000,000 executions of 600 bytes, 2 cores
0003 down to 0002   98765   501   490   200   9   1000   load 3.5
  slowest until 20:31:17: BEGIN 0 ms, INSERT 1 ms, COMMIT 500 ms
again up to 0003   9   5   4   20   -3   4   load 2.5
"""


def rows(part: str) -> Rows:
    """Return the cells after the first two of each row, by revision and database."""
    lines = [line.strip("|").split("|") for line in part.splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in line] for line in lines]
    return {(number.strip("`"), kind): rest for number, kind, *rest in cells}


FOUND, TIMES = map(rows, migration_report.parts((ROOT / "docs" / "migrations.md").read_text()))


@pytest.mark.parametrize("part", [FOUND, TIMES], ids=["found", "times"])
def test_the_rows_are_those_of_the_revisions_up_to_the_last_report(part: Rows) -> None:
    """A new revision has no row until the report is made again, which takes half an hour."""
    every = [(number, kind) for number in schema.history() for kind in KINDS]

    assert part
    assert list(part) == every[: len(part)]


@pytest.mark.parametrize("which", FOUND, ids="-".join)
def test_a_row_holds_what_was_found(which: tuple[str, str]) -> None:
    lossless, adopted, killed, _, _, broken = FOUND[which]

    assert lossless == "yes"
    assert int(adopted) > 0
    assert int(killed) > 0
    assert broken in ("0", "-")


@pytest.mark.parametrize("which", TIMES, ids="-".join)
def test_a_row_holds_what_was_measured(which: tuple[str, str]) -> None:
    down, up, _again, grew, wal = TIMES[which]

    assert all(re.match(r"[\d,]+ / [\d,]+", step) for step in (down, up))
    assert all(re.fullmatch(r"-?[\d,]+( / -?[\d,]+){1,2}", amount) for amount in (grew, wal))


def test_the_page_counts_what_the_tests_recorded(tmp_path: Path) -> None:
    tests = tmp_path / "tests.xml"
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

    row = migration_report.row(list(migration_report.passed(str(tests))), "0003", "sqlite")

    assert row == "| `0003` | sqlite | yes | 0 | 7 | 3 | 0 | 0 |"


def test_the_page_has_each_step_at_the_largest_number_of_executions() -> None:
    steps = migration_report.measured(LOCKS)

    assert migration_report.times(steps, "0003", "sqlite") == (
        "| `0003` | sqlite | 98,765 / 501 (beside 490) at 10 M | - | 9 / 5 at 10 M | 9 / - / -3 "
        "| 1,000 / - / 4 |"
    )
    assert migration_report.times(steps, "0002", "sqlite") == (
        "| `0002` | sqlite | 1 / 2 | - | - | 5 / - | 6 / - |"
    )
    assert migration_report.measured_on(LOCKS) == [
        "sqlite, 1,000 executions of 600 bytes, 2 cores at a load of 1.5 to 2.0",
        "sqlite, 10,000,000 executions of 600 bytes, 2 cores at a load of 2.5 to 3.5",
    ]


def test_a_part_without_its_file_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, locks = tmp_path / "page.md", tmp_path / "locks.txt"
    page.write_text((ROOT / "docs" / "migrations.md").read_text())
    locks.write_text(LOCKS)
    monkeypatch.setattr("sys.argv", ["report", str(page), "--locks", str(locks)])

    migration_report.main()

    found, times = map(rows, migration_report.parts(page.read_text()))
    assert found == FOUND
    assert times["0003", "sqlite"][0] == "98,765 / 501 (beside 490) at 10 M"

"""Write what the migrations' tests found, and what each step took, into a page of the docs.

    python -m bench.migration_report docs/migrations.md [--tests TESTS.xml] [--locks LOCKS.txt]

TESTS.xml is the output of `pytest --junitxml` for tests/migrations and the live migrations;
LOCKS.txt is the output of bench.locks. The part of the page without its file stays as it is.
"""

import argparse
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from app.db import schema
from app.db.schema import BEFORE_DEDUPLICATION
from tests.support.databases import KINDS

ROUND_TRIP = "test_one_step_down_and_up_again_nothing_is_lost"
ADOPTED = ("test_a_found_database_is_taken_over", "test_an_index_of_the_right_name")
LIVE = "test_migrations_down_to_0002_and_back"
BELOW = "test_below_0002_webhooks_are_answered_503"
WAYS = ("down", "up", "again")
NOTEWORTHY_MS = 500
"""Wait from which the page also shows how long a writer of another database waited meanwhile."""
_STEP = re.compile(r"(?P<down>\d{4}) down to \w+|again up to (?P<again>\d{4})|up to (?P<up>\d{4})")

TITLE = "# Results of the migrations' tests"
TESTS = "## What the tests found"
TIMES = "## What each step takes"
TESTS_HEAD = """
From `make migration-report`, which kills at every statement; do not edit. A revision without a row
is younger than the last run.

| revision | database | down and up, nothing lost | found databases | SIGKILLs survived | cycles under load | not 2xx | lost or doubled |
|---|---|---|---|---|---|---|---|"""  # noqa: E501, a table's row is one line
TESTS_FOOT = """
- **Found databases**: states in which the older system, EvoNexus, leaves its tables. Each was
  upgraded through this revision, downgraded through it again, and was then as it had been found.
- **SIGKILLs survived**: the migrator was killed before, between and after its statements, down and
  up; the same command run again reached its revision with all data correct.
- **Cycles under load**: times that the schema went down below this revision and back under a load
  of signed webhooks. Below `0002` there is no unique index: senders are answered 503, retry, and
  are admitted afterwards.
"""
TIMES_HEAD = """
From `make bench-locks` and `make migration-report`; do not edit.

| revision | database | down, ms | up, ms | up again, ms | grew, MB | WAL, MB |
|---|---|---|---|---|---|---|"""
TIMES_FOOT = """
- **Down, up**: milliseconds of the step / the longest wait of a writer that inserted all the time,
  from a process of its own. Down is from head, in a database that was taken over; up is the first
  upgrade of a database that the older system filled. **Up again** is the one of a database that was
  given back at `base`; any other upgrade after a downgrade does no more than "up".
- **Beside**: longest wait of another writer meanwhile, into another file on the same disk (SQLite)
  or another database of the same server. It is shown with a wait of half a second or more: as much
  of that comes from the machine, which all share, and not from the migration.
- **Grew**: what the file (SQLite, without its log) or the database (PostgreSQL) grew by, down / up
  / up again. The first copy of a table of SQLite makes the file grow by the size of the table;
  later ones use the space that it leaves.
- **WAL**: the largest size of the write-ahead log during the step (SQLite), or what was written to
  it (PostgreSQL), down / up / up again. The writers' own inserts are included in both.

Measured on a machine that others used at the same time. A figure without "at" is of the smaller
number of executions:
"""

Cases = list[tuple[str, str, dict[str, str]]]


class Step(NamedTuple):
    """The cells of one step."""

    ms: str
    grew: str
    wal: str


Steps = dict[tuple[str, str, str], Step]
"""The steps by database, revision and way."""


def main() -> None:
    """Write the parts of the page for which there is a file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("page", type=Path)
    parser.add_argument("--tests")
    parser.add_argument("--locks")
    options = parser.parse_args()
    found, times = parts(options.page.read_text())
    if options.tests:
        found = "\n".join(tests_part(list(passed(options.tests))))
    if options.locks:
        times = "\n".join(times_part(Path(options.locks).read_text()))
    options.page.write_text("\n".join([TITLE, "", TESTS, found.rstrip(), "", TIMES, times]))


def parts(page: str) -> tuple[str, str]:
    """Return the two parts of the page, without their headings."""
    found, _, times = page.partition(f"{TESTS}\n")[2].partition(f"\n{TIMES}\n")
    return found, times


def tests_part(cases: Cases) -> Iterator[str]:
    """Yield the lines about the tests."""
    yield TESTS_HEAD
    for number in schema.history():
        for kind in KINDS:
            yield row(cases, number, kind)
    yield TESTS_FOOT
    for kind in KINDS:
        for live in of(cases, LIVE, kind):
            yield (
                f"On {kind} senders got {live['answers']} responses while the schema moved between "
                f"`0002` and head, the slowest after {live['slowest_ms']} ms."
            )


def passed(path: str) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield (test, its parameters, its recorded properties) of every test that passed."""
    for case in ET.parse(path).iter("testcase"):
        if case.find("failure") is None and case.find("skipped") is None:
            name, _, parameters = case.get("name", "").partition("[")
            recorded = {p.get("name", ""): p.get("value", "") for p in case.iter("property")}
            yield name, parameters.rstrip("]"), recorded


def of(cases: Cases, name: str | tuple[str, ...], *parameters: str) -> list[dict[str, str]]:
    """Return the recorded properties of the tests of this name with all of the parameters."""
    return [
        recorded
        for test, values, recorded in cases
        if test.startswith(name) and all(each in values for each in parameters)
    ]


def row(cases: Cases, number: str, kind: str) -> str:
    """Return the line of one revision on one database."""
    kills = [int(each.get("kills_survived", 0)) for each in of(cases, "test_", number, kind)]
    return _line(
        f"`{number}`",
        kind,
        "yes" if of(cases, ROUND_TRIP, number, kind) else "NO",
        str(len(of(cases, ADOPTED, kind))),
        str(sum(kills)),
        *crossed(cases, number, kind),
    )


def crossed(cases: Cases, number: str, kind: str) -> list[str]:
    """Return cycles, responses outside 2xx, and events lost or doubled under load."""
    if number in BEFORE_DEDUPLICATION:
        return ["-"] * 3
    below = schema.history()[schema.history().index(number) - 1]
    ran = of(cases, BELOW if below in BEFORE_DEDUPLICATION else LIVE, kind)
    return [
        str(sum(int(each[what]) for each in ran))
        for what in ("cycles", "not_2xx", "lost_or_doubled")
    ]


def times_part(locks: str) -> Iterator[str]:
    """Yield the lines about the duration of each step."""
    steps = measured(locks)
    yield TIMES_HEAD
    for number in schema.history():
        for kind in KINDS:
            yield times(steps, number, kind)
    yield TIMES_FOOT
    yield from (f"- {each}" for each in measured_on(locks))
    yield ""


def times(steps: Steps, number: str, kind: str) -> str:
    """Return the line of one revision on one database; a step that was not measured has `-`."""
    down, up, again = (steps.get((kind, number, way), Step("-", "-", "-")) for way in WAYS)
    ways = (down, up, again) if again.wal != "-" else (down, up)
    amounts = (" / ".join(step.grew for step in ways), " / ".join(step.wal for step in ways))
    return _line(f"`{number}`", kind, down.ms, up.ms, again.ms, *amounts)


def measured(locks: str) -> Steps:
    """Return the cells of each step, of the largest number of executions that has it."""
    sections = sorted(_sections(locks), key=lambda section: section[1])
    smallest = {kind: rows for kind, rows, _ in reversed(sections)}
    steps: Steps = {}
    for kind, rows, lines in sections:
        at = f" at {rows / 1e6:g} M" if rows > smallest[kind] else ""
        for line in lines:
            name = _STEP.match(line)
            if name is not None and name.lastgroup:
                figures = [int(figure) for figure in line[name.end() :].split()[:6]]
                steps[kind, str(name[name.lastgroup]), name.lastgroup] = _step(figures, at)
    return steps


def _sections(locks: str) -> Iterator[tuple[str, int, list[str]]]:
    """Yield database, number of executions and lines of each measurement."""
    for section in locks.split("\n\n"):
        heading, *lines = section.strip().splitlines()
        kind, _, rest = heading.partition(", ")
        yield kind, int(rest.split()[0].replace(",", "")), lines


def _step(figures: list[int], at: str) -> Step:
    """Return the cells for what bench.locks printed: took, slowest, beside, writes, grew, WAL."""
    took, slowest, other, _writes, grew, wal = figures
    beside = f" (beside {other:,})" if other and slowest >= NOTEWORTHY_MS else ""
    return Step(f"{took:,} / {slowest:,}{beside}{at}", f"{grew:,}", f"{wal:,}")


def measured_on(locks: str) -> list[str]:
    """Return a line about the amount of data and the load of the machine for each database."""
    loads: dict[str, list[float]] = {}
    for section in locks.split("\n\n"):
        heading, *lines = section.strip().splitlines()
        steps = [line for line in lines if _STEP.match(line)]
        loads.setdefault(heading, []).extend(float(line.split()[-1]) for line in steps)
    return [f"{each} at a load of {min(of)} to {max(of)}" for each, of in loads.items() if of]


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()

"""Render the results of the migrations' tests as a table for the docs.

    python -m bench.migration_report TESTS.xml [LOCKS.txt] > docs/migrations.md

TESTS.xml is the output of `pytest --junitxml` for tests/migrations and the live migrations;
LOCKS.txt is the output of bench.locks.
"""

import re
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

from app.db import schema
from app.db.schema import BEFORE_DEDUPLICATION
from tests.support.databases import KINDS

ROUND_TRIP = "test_one_step_down_and_up_again_nothing_is_lost"
ADOPTED = ("test_a_found_database_is_taken_over", "test_an_index_of_the_right_name")
LIVE = "test_migrations_down_to_0002_and_back"
BELOW = "test_below_0002_senders_are_asked_to_come_again"
_STEP = re.compile(r"(?P<down>\d{4}) down to \w+|again up to (?P<again>\d{4})|up to (?P<up>\d{4})")
WAYS = ("down", "up", "again")
NOT_MEASURED = "not measured"

HEAD = """# Results of the migrations' tests

Written by `make migration-report` from one run of the tests and what `make bench-locks` measured; do not edit.

| revision | database | down and up, nothing lost | found databases | SIGKILLs survived | cycles under load | not 2xx | lost or doubled | down, ms | up, ms | up again, ms | grew, MB | WAL, MB |
|---|---|---|---|---|---|---|---|---|---|---|---|---|"""  # noqa: E501, a table's row is one line
FOOT = """
- **Found databases**: states in which the older system, EvoNexus, leaves its tables. Each was
  upgraded through this revision, downgraded through it again, and was then as it had been found.
- **SIGKILLs survived**: the migrator was killed before, between and after its statements, down and
  up; the same command run again reached its revision with all data correct.
- **Cycles under load**: times that the schema went down below this revision and back under a load
  of signed webhooks. Below `0002` there is no unique index: senders are answered 503, retry, and
  are admitted afterwards.
- **Down, up**: milliseconds of the step / the longest wait of a writer that inserted all the time,
  in a process of its own. Down is from head, with all executions in a database that was taken over.
  Up is the first upgrade of a database that the older system filled.
- **Up again**: the same, where the database was given back at `base` and is taken over once more:
  from `0004` on an upgrade after a downgrade returns renamed columns, and does no more than "up".
- **Grew**: what the file (SQLite, without its log) or the database (PostgreSQL) grew by, down / up.
  A negative number is space that was given back.
- **WAL**: the largest size of the write-ahead log during the step (SQLite), or what was written to
  it (PostgreSQL), down / up. The writer's own inserts are included in both.

Measured on:
"""

Cases = list[tuple[str, str, dict[str, str]]]
Steps = dict[tuple[str, str, str], dict[str, str]]
"""The cells of a step by database, revision and way."""


def main() -> None:
    """Read the files named on the command line and print the page."""
    cases = list(passed(sys.argv[1]))
    steps = measured(sys.argv[2]) if len(sys.argv) > 2 else {}
    print(HEAD)
    for number in schema.history():
        for kind in KINDS:
            print(row(cases, steps, number, kind))
    print(FOOT, *(f"  - {each}\n" for each in measured_on(sys.argv[2:])), sep="")
    for kind in KINDS:
        for live in of(cases, LIVE, kind):
            print(
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


def row(cases: Cases, steps: Steps, number: str, kind: str) -> str:
    """Return the line of one revision on one database."""
    kills = [int(each.get("kills_survived", 0)) for each in of(cases, "test_", number, kind)]
    cells = [
        f"`{number}`",
        kind,
        "yes" if of(cases, ROUND_TRIP, number, kind) else "NO",
        str(len(of(cases, ADOPTED, kind))),
        str(sum(kills)),
        *crossed(cases, number, kind),
        *(steps.get((kind, number, way), {}).get("ms", absent(way)) for way in WAYS),
        *(" / ".join(amounts(steps, kind, number, what)) for what in ("grew", "wal")),
    ]
    return f"| {' | '.join(cells)} |"


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


def absent(way: str) -> str:
    """Return the cell of a step without a measurement: most revisions return no values."""
    return "-" if way == "again" else NOT_MEASURED


def amounts(steps: Steps, kind: str, number: str, what: str) -> list[str]:
    """Return the megabytes down and up, `-` for each step without a measurement."""
    return [steps.get((kind, number, way), {}).get(what, "-") for way in ("down", "up")]


def measured(path: str) -> Steps:
    """Return the figures of each (database, revision, direction)."""
    steps: Steps = {}
    kind = ""
    for line in Path(path).read_text().splitlines():
        if line.startswith(KINDS):
            kind = line.partition(",")[0]
        elif (name := _STEP.match(line)) and name.lastgroup:
            figures = line[name.end() :].split()
            steps[kind, str(name[name.lastgroup]), name.lastgroup] = _cells(figures)
    return steps


def _cells(figures: list[str]) -> dict[str, str]:
    """Return the cells for the figures of a step: took, slowest, writes, grew, WAL."""
    took, slowest, _writes, grew, wal = (f"{int(figure):,}" for figure in figures[:5])
    return {"ms": f"{took} / {slowest}", "grew": grew, "wal": wal}


def measured_on(paths: list[str]) -> list[str]:
    """Return a line about the amount of data and the load of the machine for each database."""
    lines = [line for path in paths for line in Path(path).read_text().splitlines()]
    loads: dict[str, list[float]] = {}
    for line in lines:
        if line.startswith(KINDS):
            loads.setdefault(heading := line, [])
        elif _STEP.match(line):
            loads[heading].append(float(line.split()[-1]))
    return [f"{each} at a load of {min(of)} to {max(of)}" for each, of in loads.items() if of]


if __name__ == "__main__":
    main()

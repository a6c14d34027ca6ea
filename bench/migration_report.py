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
_STEP = re.compile(r"^(?:(\d{4}) (down) to \w+|up to (\d{4}))\s+(\d+)\s+(\d+)(?:\s+-?\d+)?$")

HEAD = """# Results of the migrations' tests

Written by `make migration-report` from one run of the tests and what `make bench-locks` measured; do not edit.

| revision | database | down and up, nothing lost | found databases | SIGKILLs survived | cycles under load | not 2xx | lost or doubled | down, ms | up, ms |
|---|---|---|---|---|---|---|---|---|---|"""  # noqa: E501, a table's row is one line
FOOT = """
- **Found databases**: states in which the older system, EvoNexus, leaves its tables. Each was
  upgraded through this revision, downgraded through it again, and was then as it had been found.
- **SIGKILLs survived**: the migrator was killed before, between and after its statements, down and
  up; the same command run again reached its revision with all data correct.
- **Cycles under load**: times that the schema went down below this revision and back under a load
  of signed webhooks. Below `0002` there is no unique index: senders are answered 503, retry, and
  are admitted afterwards.
- **Down, up**: milliseconds of the step / the longest wait of a writer that inserted without a
  pause meanwhile. `0001` and `0002` on a found database. Measured on:
"""

Cases = list[tuple[str, str, dict[str, str]]]
Steps = dict[tuple[str, str, str], str]


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
        *(steps.get((kind, number, way), "not measured") for way in ("down", "up")),
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


def measured(path: str) -> Steps:
    """Return `duration / longest wait` of each (database, revision, direction)."""
    steps: Steps = {}
    kind = ""
    for line in Path(path).read_text().splitlines():
        if line.startswith(KINDS):
            kind = line.partition(",")[0]
        elif step := _STEP.match(line.strip()):
            took, waited = int(step[4]), int(step[5])
            steps[kind, step[1] or step[3], step[2] or "up"] = f"{took:,} / {waited:,}"
    return steps


def measured_on(paths: list[str]) -> list[str]:
    """Return the lines about the amount of data and the load of the machine."""
    lines = [line for path in paths for line in Path(path).read_text().splitlines()]
    return [line for line in lines if line.startswith(KINDS)]


if __name__ == "__main__":
    main()

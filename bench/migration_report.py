"""What the migrations' tests found, as a table for the docs.

    python -m bench.migration_report TESTS.xml [LOCKS.txt] > docs/migrations.md

TESTS.xml is what `pytest --junitxml` wrote of tests/migrations and the live migrations;
LOCKS.txt is what bench.locks printed.
"""

import re
import sys
import xml.etree.ElementTree as ET
from collections import Counter, defaultdict
from collections.abc import Iterator

from app import revision
from tests.databases import KINDS

ROUND_TRIP = "test_one_step_down_and_up_again_nothing_is_lost"
KILLS = "killed_anywhere_arrives_when_run_again"
ADOPTED = ("test_a_found_database_is_taken_over", "test_an_index_of_the_right_name")
LIVE = "test_migrations_down_to_0002_and_back"
_STEP = re.compile(r"^(?:up to (\d{4})|(\d{4}) down to \d{4})\s+\d+\s+(\d+)$")

Cases = list[tuple[str, str, dict[str, str]]]


def main() -> None:
    """Read the files named on the command line and print the page."""
    cases = list(passed(sys.argv[1]))
    waits = slowest_writes(sys.argv[2]) if len(sys.argv) > 2 else {}
    print("# What the tests of the migrations found\n")
    print("Written by `make migration-report` from one run of the tests; do not edit.\n")
    print("| revision | database | down and up, nothing lost | SIGKILLs survived | longest wait |")
    print("|---|---|---|---|---|")
    for number in revision.history():
        for kind in KINDS:
            print(row(cases, waits, number, kind))
    print(
        "\nThe longest wait is a writer's, in milliseconds, at a million executions, down and up.\n"
    )
    print(adopted(cases))
    for kind in KINDS:
        print(live(cases, kind))


def passed(path: str) -> Iterator[tuple[str, str, dict[str, str]]]:
    """(test, its parameters, what it recorded) of every test that passed."""
    for case in ET.parse(path).iter("testcase"):
        if case.find("failure") is None and case.find("skipped") is None:
            name, _, parameters = case.get("name", "").partition("[")
            recorded = {p.get("name", ""): p.get("value", "") for p in case.iter("property")}
            yield name, parameters.rstrip("]"), recorded


def row(cases: Cases, waits: dict[tuple[str, str], list[str]], number: str, kind: str) -> str:
    """One revision on one database."""
    mine = [case for case in cases if number in case[1] and kind in case[1]]
    trips = sum(name == ROUND_TRIP for name, _, _ in mine)
    kills = sum(int(each["kills_survived"]) for name, _, each in mine if KILLS in name)
    waited = " / ".join(waits.get((kind, number), ["not measured"]))
    return f"| `{number}` | {kind} | {'yes' if trips else 'NO'} | {kills} | {waited} |"


def adopted(cases: Cases) -> str:
    """How many states of found databases were taken over and given back."""
    states: Counter[str] = Counter()
    for name, parameters, _ in cases:
        if name.startswith(ADOPTED):
            states.update(kind for kind in KINDS if kind in parameters)
    counted = ", ".join(f"{count} on {kind}" for kind, count in sorted(states.items()))
    return f"States of found databases taken over and given back as found: {counted}.\n"


def live(cases: Cases, kind: str) -> str:
    """What senders saw while the schema moved."""
    found = [each for name, where, each in cases if name.startswith(LIVE) and kind in where]
    return "".join(
        f"Under load on {kind}: {each['cycles']} times down to `0002` and back, {each['answers']} "
        f"answers, {each['not_2xx']} outside 2xx, 0 acknowledged events lost or doubled, slowest "
        f"answer {each['slowest_ms']} ms.\n"
        for each in found
    )


def slowest_writes(path: str) -> dict[tuple[str, str], list[str]]:
    """The longest waits of each (database, revision), down first."""
    waits: dict[tuple[str, str], list[str]] = defaultdict(list)
    kind = ""
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if line.startswith(KINDS):
                kind = line.partition(",")[0]
            elif step := _STEP.match(line.strip()):
                waits[kind, step[1] or step[2]].append(step[3])
    return waits


if __name__ == "__main__":
    main()

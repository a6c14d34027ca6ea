"""docs/architecture.md draws the contract and the states, and names files as the code has them."""

import ast
import re

import pytest

from app import lifecycle
from app.db import models
from tests.support import drawings
from tests.support.databases import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text()
STEP = r"^\| .* \| `(app/[\w/]+\.py)` \| `(\w+)` \|$"
STEPS = re.findall(STEP, PAGE, re.M)
ROOMS_OF_A_LIFE = ("server", "web", "intake", "executions", "worker", "actions", "stats", "db")
LEAVES = drawings.layers()[-1]
GLOSSARY = (
    *("request", "event", "trigger", "source", "idempotency key", "execution", "attempt"),
    *("duplicate", "mismatch", "due", "held", "lease", "backoff", "slot", "dead letter", "replay"),
    *("chain", "retention", "prune", "stash", "twin", "watermark"),
    *("answering thread", "capacity", "batch", "commit", "mask", "redact", "seal", "digest"),
    *("probe", "older system", "takeover"),
)
WRITES = re.compile(
    r"(?:sa\.(?:insert|update|delete)\(\s*(?:models\.)?(\w+)\s*[,)])|"
    r"(?:INSERT INTO|UPDATE|DELETE FROM) (\w+)"
)
THREADS_AND_LOCKS = re.compile(
    r"Thread\([^)]*?\bname=\"([\w-]+)\"|ThreadPoolExecutor\([^)]*?\"(\w+)\"|^([A-Z_]+_LOCK) = 0x",
    re.M,
)
TABLES = {
    name: table.name for name, table in vars(models).items() if getattr(table, "metadata", None)
} | {name: name for name in models.metadata.tables}


def section(heading: str) -> str:
    found = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    assert found, f"docs/architecture.md has no section {heading}"
    return found


def test_the_picture_of_the_rooms_is_drawn_from_the_contract() -> None:
    assert drawings.drawn_layers(drawings.layers()) in section("The rooms")


def test_every_room_is_described_from_the_top_to_the_bottom() -> None:
    described = re.findall(r"^\| `app/(\w+)(?:/|\.py)` \| \w", section("The rooms"), re.M)

    assert described == [room for layer in drawings.layers() for room in layer]


def test_the_picture_of_the_states_is_drawn_from_the_moves() -> None:
    drawn = drawings.drawn_moves(lifecycle.MOVES, lifecycle.PENDING)

    assert drawn in section("The states of an execution")


def test_every_move_is_listed_with_the_file_that_makes_it() -> None:
    states = section("The states of an execution")
    listed = re.findall(r"^\| `(\w+)` to `(\w+)` \| `app/", states, re.M)

    moves = {(state, target) for state, targets in lifecycle.MOVES.items() for target in targets}
    assert len(listed) == len(moves)
    assert set(listed) == moves


@pytest.mark.parametrize(("file", "name"), STEPS)
def test_a_row_of_the_tables_names_a_definition_of_its_file(file: str, name: str) -> None:
    tree = ast.parse((ROOT / file).read_text())
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}

    assert name in defined


def test_both_lives_are_told_inside_their_rooms() -> None:
    lives = section("The life of a request") + section("The life of an execution")
    files = re.findall(STEP, lives, re.M)
    rooms = {re.sub(r"\.py$", "", file.split("/")[1]) for file, _ in files}

    assert len(files) > 60
    assert rooms <= {*ROOMS_OF_A_LIFE, *LEAVES}


def test_every_table_is_listed_with_every_file_that_writes_it() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", section("The writers of each table"), re.M)
    listed = {table: set(re.findall(r"`(app/[\w/]+\.py)`", files)) for table, files in rows}

    assert listed.keys() == models.metadata.tables.keys()
    assert {table: sorted(files - listed[table]) for table, files in writers().items()} == {
        table: [] for table in writers()
    }
    assert [
        (table, file) for table, files in listed.items() for file in files if not names(file, table)
    ] == []


def test_every_thread_and_every_advisory_lock_is_listed() -> None:
    listed = section("Processes, threads and locks")
    missing = [
        f"{path.name}: {name}"
        for path in (ROOT / "app").rglob("*.py")
        for names_of in THREADS_AND_LOCKS.findall(path.read_text())
        for name in filter(None, names_of)
        if f"`{name}`" not in listed
    ]

    assert missing == []


def test_every_file_that_the_page_names_exists() -> None:
    files = set(re.findall(r"`((?:app|tests|alembic)/[\w/]+\.\w+|gunicorn\.conf\.py)`", PAGE))

    assert len(files) > 100
    assert [file for file in files if not (ROOT / file).is_file()] == []


@pytest.mark.parametrize("term", GLOSSARY)
def test_the_glossary_explains_the_term(term: str) -> None:
    assert re.search(rf"^\| {term} \| \w", section("Glossary"), re.M)


def writers() -> dict[str, set[str]]:
    """Find the files that name a table in an insert, an update or a delete; migrations aside."""
    found: dict[str, set[str]] = {}
    for path in sorted((ROOT / "app").rglob("*.py")):
        if "migration_ops" in path.parts:
            continue
        for variable, name in WRITES.findall(path.read_text()):
            if table := TABLES.get(variable or name):
                found.setdefault(table, set()).add(str(path.relative_to(ROOT)))
    return found


def names(file: str, table: str) -> bool:
    """Return whether the file exists and mentions the table."""
    variables = "|".join(name for name, of in TABLES.items() if of == table)
    path = ROOT / file
    return path.exists() and bool(re.search(rf"\b({variables})\b", path.read_text()))

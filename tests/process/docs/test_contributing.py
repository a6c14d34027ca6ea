"""Each example of CONTRIBUTING.md works: applied to a copy of the tree, its own checks pass."""

import ast
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from app.db import Database
from tests.support import contributing_examples, factories
from tests.support.databases import ROOT, Databases
from tests.support.revisions import NAMES
from tests.support.schema_dump import data, execute, schema
from tests.support.thorough import THOROUGH

PAGE = contributing_examples.PAGE.read_text()
EXAMPLES = (
    "Add a source",
    "Add an action",
    "Add a command",
    "Add a setting",
    "A nullable column",
    "An index",
    "Add an operation of the API",
    "Add a page",
)
FOLLOWED = EXAMPLES if THOROUGH else ("A nullable column",)
"""Examples whose own tests run in the copy, which takes a minute for all of them."""
REVISIONS = ("A nullable column", "An index")
"""Examples that add a revision, in the order of their numbers."""
SQLITE_ALONE = "-p no:randomly -p no:cacheprovider -k 'not postgresql'"
"""Options of the copy's tests: on SQLite, which takes no server; the revisions run on both."""
ON_EITHER = {"TESTS_EVERY_KILL": "1"}
"""Keeps a test whose name falls to PostgreSQL on SQLite too."""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return contributing_examples.copy(tmp_path_factory.mktemp("tree"))


@pytest.fixture(scope="module")
def checks(tree: Path) -> dict[str, list[str]]:
    """The tests that check each example, which has been applied."""
    commands = {title: " ".join(contributing_examples.apply(title, tree)) for title in EXAMPLES}
    return {title: re.findall(r"\btests/[\w/]+\.py", text) for title, text in commands.items()}


@pytest.fixture(scope="module")
def passed(tree: Path, checks: dict[str, list[str]]) -> set[str]:
    """The files of tests of which something ran; they ran together, and all passed."""
    files = sorted({file for title in FOLLOWED for file in checks[title]})
    tests = f"python -m pytest -q {SQLITE_ALONE} --junitxml=ran.xml"
    contributing_examples.run(tree, " ".join([tests, *files]), **ON_EITHER)
    cases = ElementTree.parse(tree / "ran.xml").iter("testcase")
    return {case.attrib["classname"].replace(".", "/") + ".py" for case in cases}


@pytest.mark.parametrize("title", FOLLOWED)
def test_an_example_passes_its_own_checks(
    checks: dict[str, list[str]], passed: set[str], title: str
) -> None:
    assert checks[title]
    assert set(checks[title]) <= passed


@pytest.mark.skipif(not THOROUGH, reason="it migrates a copy of the tree four times")
def test_the_revisions_of_the_examples_go_up_and_down_and_up_again(
    tree: Path, checks: dict[str, list[str]], database: Database, database_url: str
) -> None:
    assert checks
    factories.execution(database, factories.trigger(database), "running")
    before = schema(database_url)

    contributing_examples.run(tree, "alembic upgrade head", DATABASE_URL=database_url)
    after = schema(database_url)
    execute(database_url, "UPDATE execution_attempts SET region = 'eu'")
    rows = data(database_url)["execution_attempts"]
    contributing_examples.run(tree, f"alembic downgrade {NAMES[-1]}", DATABASE_URL=database_url)
    again = schema(database_url)
    contributing_examples.run(tree, "alembic upgrade head", DATABASE_URL=database_url)

    assert after != before
    assert again == before
    assert schema(database_url) == after
    assert data(database_url)["execution_attempts"] == rows


@pytest.mark.parametrize("title", [each for each in REVISIONS if each in FOLLOWED])
def test_the_draft_of_an_example_has_its_operations(
    tmp_path: Path, databases: Databases, title: str
) -> None:
    """The example's models are enough: Alembic writes the statements of its revision."""
    tree = contributing_examples.copy(tmp_path)
    with databases.empty("sqlite") as url:
        for each in REVISIONS[: REVISIONS.index(title) + 1]:
            contributing_examples.run(tree, "alembic upgrade head", DATABASE_URL=url)
            contributing_examples.apply(each, tree)
        (example,) = (tree / "alembic" / "versions").glob(f"{_number(title)}_*.py")
        statements = operations(example)
        example.unlink()
        draft = f'alembic revision --autogenerate -m "Let {title} be drafted"'
        contributing_examples.run(tree, draft, DATABASE_URL=url)
        (drafted,) = (tree / "alembic" / "versions").glob(f"{_number(title)}_*_drafted.py")

        assert len(statements) == 2
        assert operations(drafted) == statements


def _number(title: str) -> str:
    return f"{int(NAMES[-1]) + 1 + REVISIONS.index(title):04}"


def operations(revision: Path) -> list[str]:
    """Return the operations on the table of the examples, in their order."""
    nodes = list(ast.walk(ast.parse(revision.read_text())))
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    return [
        ast.unparse(call.func)
        for call in calls
        if any(ast.unparse(each) == "'execution_attempts'" for each in call.args)
    ]


def test_every_target_of_make_is_listed_and_no_other() -> None:
    targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.M)

    assert sorted(re.findall(r"^\| `make ([a-z-]+)` \|", PAGE, re.M)) == sorted(targets)

"""Each example of CONTRIBUTING.md works: applied to a copy of the tree, its own check passes."""

import re
from pathlib import Path

import pytest

from app.db import Database
from tests.support import factories, recipes
from tests.support.databases import ROOT
from tests.support.revisions import NAMES
from tests.support.schema_dump import data, execute, schema

SQLITE_ALONE = {"PYTEST_ADDOPTS": "-p no:randomly -p no:cacheprovider -k 'not postgresql'"}
"""The copy's tests run on SQLite, which takes no server; its revisions are run on both below."""
PAGE = recipes.PAGE.read_text()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return recipes.copy(tmp_path)


@pytest.mark.parametrize(
    "title",
    [
        "Add a source",
        "Add an action",
        "Add a setting",
        "A nullable column",
        "An index",
        "Add a page",
    ],
)
def test_an_example_passes_its_own_check(tree: Path, title: str) -> None:
    commands = recipes.apply(title, tree)

    printed = [recipes.run(tree, command, **SQLITE_ALONE) for command in commands]

    assert printed
    assert all(" passed" in each for each in printed)


@pytest.mark.parametrize("title", ["A nullable column", "An index"])
def test_a_revision_goes_up_and_down_and_up_again_on_both_databases(
    tree: Path, database: Database, database_url: str, title: str
) -> None:
    recipes.apply(title, tree)
    factories.execution(database, factories.trigger(database), "running")
    before = schema(database_url)

    upgraded(tree, database_url, "upgrade head")
    after = schema(database_url)
    if title == "A nullable column":
        execute(database_url, "UPDATE execution_attempts SET region = 'eu'")
    rows = data(database_url)["execution_attempts"]
    upgraded(tree, database_url, f"downgrade {NAMES[-1]}")
    again = schema(database_url)
    upgraded(tree, database_url, "upgrade head")

    assert after != before
    assert again == before
    assert schema(database_url) == after
    assert data(database_url)["execution_attempts"] == rows


def upgraded(tree: Path, url: str, command: str) -> None:
    recipes.run(tree, f"alembic {command}", DATABASE_URL=url)


def test_every_target_of_make_is_listed_and_no_other() -> None:
    targets = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.M)

    assert sorted(re.findall(r"^\| `make ([a-z-]+)` \|", PAGE, re.M)) == sorted(targets)

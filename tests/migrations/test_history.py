"""The revisions form one line, are listed as sentences, and lead to the schema of the models."""

import ast
import re
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.script import Script

from app.db.models import metadata
from app.db.schema import history
from tests.support.databases import ROOT, Databases, alembic_config
from tests.support.revisions import NAMES, SCRIPTS, revisions
from tests.support.schema_dump import connected, in_any_order, schema

every_script = pytest.mark.parametrize("script", revisions(), ids=NAMES)
ALLOWED = {"alembic", "sqlalchemy"} | set(sys.stdlib_module_names)


def first_line(script: Script) -> str:
    return script.longdoc.strip().splitlines()[0]


def tree(script: Script) -> ast.Module:
    return ast.parse(Path(script.path).read_text())


def test_there_is_one_head_and_the_numbers_are_in_order() -> None:
    assert SCRIPTS.get_heads() == [NAMES[-1]]
    assert [f"{number:04}" for number in range(1, len(NAMES) + 1)] == NAMES
    assert list(history()) == NAMES  # it reads the names of the files alone


@every_script
def test_a_revision_is_a_file_named_by_number_and_slug(script: Script) -> None:
    assert re.fullmatch(rf"{script.revision}_[a-z0-9]+(_[a-z0-9]+)*\.py", Path(script.path).name)


@every_script
def test_a_revision_opens_with_a_sentence_and_answers_the_house_questions(script: Script) -> None:
    assert re.fullmatch(r"[A-Z].*[^.]\.", first_line(script))
    for question in ("Why now: ", "What code of the revision before sees: ", "What it locks"):
        assert question in script.longdoc


@every_script
def test_a_revision_imports_nothing_that_changes_with_the_code(script: Script) -> None:
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree(script))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module or "app"]
            if isinstance(node, ast.ImportFrom)
            else [alias.name for alias in node.names]
        )
    }

    assert imported <= ALLOWED


@every_script
@pytest.mark.parametrize("direction", ["upgrade", "downgrade"])
def test_a_revision_does_something_in_both_directions(script: Script, direction: str) -> None:
    functions = {n.name: n for n in tree(script).body if isinstance(n, ast.FunctionDef)}

    assert any(isinstance(node, ast.Call) for node in ast.walk(functions[direction]))


def test_the_story_is_told_in_the_words_of_the_revisions() -> None:
    story = (ROOT / "alembic" / "README.md").read_text()

    told = re.findall(r"^- `(\d{4})` (.*)$", story, re.MULTILINE)

    assert told == [(script.revision, first_line(script)) for script in revisions()]


def test_autogenerate_finds_nothing_to_add(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)

    command.check(alembic_config())


def test_the_revisions_lead_to_the_schema_that_the_code_describes(
    database_url: str, databases: Databases, kind: str
) -> None:
    with databases.empty(kind) as described:
        with connected(described) as connection:
            metadata.create_all(connection)

        assert in_any_order(schema(database_url)) == in_any_order(schema(described))


def test_the_comparison_sees_a_check_a_predicate_and_a_default(database_url: str) -> None:
    before = schema(database_url)
    changed = (
        "ALTER TABLE triggers ADD COLUMN extra INTEGER DEFAULT 1 CHECK (extra > 0)",
        "DROP INDEX ix_trigger_executions_leased",
        "CREATE INDEX ix_trigger_executions_leased ON trigger_executions (id) WHERE id > 0",
    )
    with connected(database_url) as connection:
        for statement in changed:
            connection.execute(sa.text(statement))

    after = schema(database_url)

    assert "extra > 0" in str(after["triggers"])
    assert after["trigger_executions"]["indexes"] != before["trigger_executions"]["indexes"]
    assert after["triggers"]["columns"] != before["triggers"]["columns"]

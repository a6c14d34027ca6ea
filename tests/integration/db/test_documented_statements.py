"""SQL statements that a page gives to operators of PostgreSQL, run as they are printed there."""

import re

import pytest
import sqlalchemy as sa

from app.db import Database
from tests.support import factories
from tests.support.databases import ROOT


@pytest.fixture
def kind() -> str:
    return "postgresql"


@pytest.mark.parametrize("is_empty", [True, False])
def test_the_ids_of_lost_executions_are_left_out_after_a_failover(
    database: Database, is_empty: bool
) -> None:
    page = (ROOT / "docs" / "postgresql.md").read_text()
    (statement,) = re.findall(r"^ *(SELECT setval\(.*;)$", page, re.MULTILINE)
    trigger_id = factories.trigger(database)
    newest_id = 0 if is_empty else factories.execution(database, trigger_id)

    with database.writing() as connection:
        connection.execute(sa.text(statement))

    assert factories.execution(database, trigger_id) == newest_id + 1_000_001

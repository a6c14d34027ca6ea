"""The list of moves between the statuses of an execution is complete and consistent."""

import re

import pytest
import sqlalchemy as sa

from app import lifecycle
from app.db.models import execution_attempts


def test_every_status_is_either_finished_or_unfinished() -> None:
    assert sorted(lifecycle.FINISHED + lifecycle.UNFINISHED) == sorted(lifecycle.STATUSES)


@pytest.mark.parametrize(
    ("category", "attempts_left", "status"),
    [
        ("permanent", True, "failed"),
        ("permanent", False, "failed"),
        ("transient", True, "retrying"),
        ("transient", False, "failed_retryable"),
    ],
)
def test_a_failure_leads_where_its_category_says(
    category: str, attempts_left: bool, status: str
) -> None:
    assert lifecycle.after_failure(category, attempts_left=attempts_left) == status


def test_the_schema_knows_the_outcomes_of_an_attempt() -> None:
    checks = {
        each.name: str(each.sqltext)
        for each in execution_attempts.constraints
        if isinstance(each, sa.CheckConstraint)
    }

    listed = re.findall(r"'(\w+)'", checks["ck_execution_attempts_outcome"])

    assert listed == list(lifecycle.OUTCOMES)

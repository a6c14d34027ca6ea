"""The list of moves between the statuses of an execution is complete and consistent."""

import re
from itertools import product

import pytest
import sqlalchemy as sa

from app import lifecycle
from app.db.models import execution_attempts

ALLOWED = {
    ("pending", "running"),
    ("running", "completed"),
    ("running", "retrying"),
    ("running", "failed_retryable"),
    ("running", "failed"),
    ("retrying", "running"),
    ("failed", "replayed"),
    ("failed_retryable", "replayed"),
}


@pytest.mark.parametrize(("current", "target"), list(product(lifecycle.STATUSES, repeat=2)))
def test_an_execution_moves_as_the_design_has_it(current: str, target: str) -> None:
    assert lifecycle.may_move(current, target) == ((current, target) in ALLOWED)


@pytest.mark.parametrize("name", ["", "Pending", "done"])
def test_what_is_no_status_moves_nowhere(name: str) -> None:
    assert not any(lifecycle.may_move(name, status) for status in lifecycle.STATUSES)


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

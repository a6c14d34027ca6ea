"""docs/receiving.md and the runbook say what the code counts, and how."""

import re

import pytest

from app.settings import Settings
from app.stats import counters, outcomes
from tests.support.databases import ROOT

RECEIVING = (ROOT / "docs" / "receiving.md").read_text()
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()


def test_every_outcome_is_explained_in_its_order_and_no_other() -> None:
    section = RECEIVING.partition("## What is counted")[2].partition("\n## ")[0]
    named = [
        word
        for row in re.findall(r"^\| (`.*?) \|", section, re.M)
        for word in re.findall(r"`(\w+)`", row)
    ]

    assert named == list(outcomes.ALL)


@pytest.mark.parametrize("event", ["counter_flush_postponed", "counts_dropped"])
def test_every_line_that_the_counting_logs_is_explained(event: str) -> None:
    assert f"`evt={event}`" in OPERATIONS


def test_the_numbers_are_those_of_the_code() -> None:
    assert f"`HOOKONCE_COUNTS_SECONDS` ({Settings().hookonce_counts_seconds:g})" in OPERATIONS
    assert f"at most {counters.DISTINCT_AT_MOST:,} different numbers" in OPERATIONS

"""A number agrees with its noun, and says so where counting ended."""

import re

import pytest

from app.executions.workers import LiveWorkers
from app.web.pages import filters
from tests.support.databases import ROOT

TEMPLATES = sorted((ROOT / "app" / "web" / "templates").glob("*.html"))
PLURAL = re.compile(r"\| number }}(?:{%.*?%} or more{% endif %})?(?:</\w+>)? \w+s\b")
ALLOWED = ("chat messages", "dead letters", "characters")
"""Nouns of numbers that are large, or that a condition beside them chooses."""


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0 slots"), (1, "1 slot"), (2, "2 slots"), (1000, "1\u202f000 or more slots")],
)
def test_a_noun_agrees_with_its_number(value: int, shown: str) -> None:
    assert filters.counted(value, "slot", 1000) == shown


def test_one_worker_with_one_slot_is_named_so() -> None:
    assert LiveWorkers(count=1, slots=1, busy=0).sentence == "1 worker, 1 slot, 0 busy"


def test_no_template_writes_a_plural_behind_a_number_that_may_be_one() -> None:
    found = {match for path in TEMPLATES for match in PLURAL.findall(path.read_text())}

    assert {each for each in found if not any(word in each for word in ALLOWED)} == set()

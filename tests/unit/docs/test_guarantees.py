"""docs/guarantees.md names for each promise a test that exists."""

import re

from tests.support.databases import ROOT

PROMISES = (ROOT / "docs" / "guarantees.md").read_text().partition("\n## ")[0]


def test_every_promise_names_tests_that_exist() -> None:
    rows = re.findall(r"^\| ([A-Z0-9`].*?) \| (.*) \|$", PROMISES, re.M)

    assert len(rows) >= 13
    for promise, holders in rows:
        named = re.findall(r"`(tests/[\w/.]+|docs/[\w/.]+)`", holders)
        assert any(name.startswith("tests/") for name in named), promise
        assert [path for path in named if not (ROOT / path).exists()] == []

"""docs/api.md says what the code does: every operation with its role, every error, every bound."""

import re

from app import auth
from app.db import count_cache
from app.executions import listing
from app.web import login_throttle
from app.web.api import router
from tests.support.databases import ROOT

TEXT = (ROOT / "docs" / "api.md").read_text()
FLAT = " ".join(TEXT.split())


def test_every_operation_is_listed_with_its_role_and_no_other() -> None:
    listed = re.findall(r"^\| ([A-Z]+) \| `([^`]+)` \| (\w+) \|", TEXT, re.M)

    assert set(listed) == {(each.method, each.path, each.rule) for each in router.OPERATIONS}


def test_every_role_is_explained() -> None:
    assert re.findall(r"^\| `(\w+)` \| \w", TEXT, re.M) == list(auth.ROLES)


def test_the_bounds_are_those_of_the_code() -> None:
    assert f"{count_cache.EXACT_UP_TO:,} rows, or {listing.DEAD_EXACT_UP_TO:,} of one kind" in FLAT
    assert login_throttle.FAILURES_PER_ADDRESS == 5
    assert "After five failed logins in a minute from one address" in FLAT
    assert f"A token has at most {auth.SESSIONS_PER_TOKEN} sessions" in FLAT
    assert f"At most {auth.SESSION_ROWS_PER_HOUR} logins and logouts of a token" in FLAT
    assert count_cache.REMEMBERED_SECONDS == 10
    assert router.MAX_BODY_BYTES == 1_048_576


def test_every_error_of_an_answer_is_explained() -> None:
    explained = set(re.findall(r"^\| (\d{3}) \|", TEXT, re.M))
    described = {
        status
        for path in router.document()["paths"].values()
        for operation in path.values()
        for status in operation["responses"]
        if status >= "400"
    }

    assert described - {"500"} <= explained

"""Databases between which tests move rows, and their content in a form that both have."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from app.db import moving
from app.db.moving import Compared, Order, Report
from app.settings import Settings, from_environment
from tests.support import schema_dump
from tests.support.databases import Databases

OTHER = {"sqlite": "postgresql", "postgresql": "sqlite"}
_WHOLE_SECONDS = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
"""A time as SQLite has it from the default of a column."""


def settings_of(url: str) -> Settings:
    return from_environment({"DATABASE_URL": url})


def nothing(*_: object) -> None:
    """Report nothing."""


def moved(source: str, target: str, report: Report = nothing, **choices: Any) -> list[Compared]:
    """Move everything from one address to the other."""
    return moving.move(Order(settings_of(source), settings_of(target), **choices), report)


@contextmanager
def pair(databases: Databases, kind: str) -> Iterator[tuple[str, str]]:
    """Yield a source of this kind and an empty target of the other, both at head."""
    with databases.at_head(kind) as source, databases.at_head(OTHER[kind]) as target:
        yield source, target


def content(url: str) -> dict[str, list[str]]:
    """Return all rows of all tables, with values that both databases spell alike."""
    tables = schema_dump.data(url, whole=True)
    return {
        name: sorted(repr({k: _plain(v) for k, v in sorted(row.items())}) for row in rows)
        for name, rows in tables.items()
    }


def _plain(value: Any) -> Any:
    if isinstance(value, str) and _WHOLE_SECONDS.fullmatch(value):
        return f"{value}.000000"
    if isinstance(value, datetime):
        return value.isoformat(" ", "microseconds")
    return int(value) if isinstance(value, bool) else value

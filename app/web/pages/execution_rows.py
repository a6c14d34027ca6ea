"""Executions as lines of a list."""

from typing import Any

from app.db.paging import Page
from app.web.api import serializers


def in_rows(found: Page, names: dict[int, str]) -> dict[str, Any]:
    """What the template of a list needs: the rows with their triggers' names, and how many."""
    rows = [serializers.found(row, names) for row in found.rows]
    return {"rows": rows, **serializers.listed(found)}

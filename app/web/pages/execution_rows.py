"""Template values of a list of executions."""

from typing import Any

from app.db.paging import Page
from app.executions.waiting import Because
from app.web.api import serializers


def in_rows(page: Page, names: dict[int, str], reasons: dict[int, Because]) -> dict[str, Any]:
    """Return the rows with the names of their triggers, and the paging values of the list."""
    rows = [serializers.execution_summary(row, names, reasons) for row in page.rows]
    return {"rows": rows, **serializers.page_info(page)}

"""Executions as lines of a list."""

from typing import Any

from app.audit import without_secrets
from app.listing import Page
from app.web import showing


def in_rows(found: Page, names: dict[int, str]) -> dict[str, Any]:
    """What the template of a list needs: the rows with their triggers' names, and how many."""
    rows = [without_secrets(row._mapping) for row in found.rows]
    for row in rows:
        row["trigger"] = names.get(row["trigger_id"], "")
    return {"rows": rows, **showing.listed(found)}

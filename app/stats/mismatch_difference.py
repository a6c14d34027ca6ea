"""The differences of a mismatch: of the payload that came with a known key, from the stored one."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.executions import search
from app.stats import journal, payload_difference
from app.tolerant_json import json_value


def shown(connection: Connection, delivery: sa.Row[Any]) -> dict[str, Any]:
    """Return `differences` and `differences_more` of a delivery.

    The differences are None if the delivery is no mismatch, or if one payload is not kept.
    """
    kept = journal.mismatched(connection, delivery)
    event = None if kept is None else search.event_of(connection, kept.execution_id)
    if kept is None or event in (None, "{}"):
        return {"differences": None, "differences_more": 0}
    found, more = payload_difference.differences(json_value(event), json_value(kept.event_data))
    return {"differences": [each._asdict() for each in found], "differences_more": more}

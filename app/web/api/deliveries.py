"""/api/deliveries: the journal of deliveries that became no execution."""

from typing import Any, cast

import sqlalchemy as sa

from app.audit import Actor
from app.auth import OPERATOR, VIEWER
from app.executions import retention, search
from app.intake import accept
from app.stats import journal, mismatch_difference
from app.web.api import serializers
from app.web.api.operations import Operations
from app.web.api.schemas.deliveries import (
    AcceptResult,
    DeliveriesQuery,
    Delivery,
    DeliveryDetail,
    DeliveryId,
    DeliveryPage,
)
from app.web.api.schemas.executions import ReplayResult
from app.web.context import ApiContext

OPERATIONS = Operations()


@OPERATIONS.get("/api/deliveries", VIEWER)
def list_deliveries(context: ApiContext, query: DeliveriesQuery) -> DeliveryPage:
    """List the deliveries that became no execution, newest first."""
    with context.database.reading() as connection:
        page = journal.page(connection, context.counter, query.filters(), query.position())
        names = search.trigger_names(connection, {row.trigger_id for row in page.rows})
    return {
        "deliveries": [_shown(row, names) for row in page.rows],
        **serializers.page_info(page),
    }


@OPERATIONS.get("/api/deliveries/{delivery_id}", VIEWER)
def show_delivery(context: ApiContext, delivery_id: DeliveryId) -> DeliveryDetail:
    """Show the delivery with its headers, its body, and the difference that a mismatch made."""
    with context.database.reading() as connection:
        row = journal.delivery(connection, delivery_id)
        names = search.trigger_names(connection, {row.trigger_id})
        differences = mismatch_difference.shown(connection, row)
    return cast(
        DeliveryDetail,
        {
            **_shown(row, names),
            "headers": journal.shown_headers(row),
            "body": journal.body_text(row.body),
            **differences,
        },
    )


@OPERATIONS.post("/api/deliveries/{delivery_id}/accept", OPERATOR, may_answer=(400, 409))
def accept_delivery(context: ApiContext, delivery_id: DeliveryId, actor: Actor) -> AcceptResult:
    """Admit the events of a refused or filtered delivery; a duplicate is still a duplicate."""
    chosen = candidate(context, delivery_id)
    result = accept.accept(context.database, chosen, actor)
    return {
        "status": "accepted" if result.new else "duplicate",
        "execution_ids": result.new,
        "duplicates_of": result.duplicates,
    }


@OPERATIONS.post("/api/deliveries/{delivery_id}/run", OPERATOR, may_answer=(409,))
def run_delivery(context: ApiContext, delivery_id: DeliveryId, actor: Actor) -> ReplayResult:
    """Run the payload of a duplicate or a mismatch as an execution of its own, without a key."""
    new = accept.run(context.database, delivery_id, actor)
    return {"status": "ok", "new_execution_id": new}


def candidate(context: ApiContext, delivery_id: int) -> accept.Candidate:
    """Return the delivery with its events, as they would be admitted."""
    defaults = retention.of_settings(context.settings)
    return accept.candidate(context.database, delivery_id, defaults)


def _shown(row: sa.Row[Any], names: dict[int, str]) -> Delivery:
    return cast(Delivery, journal.shown(row) | {"trigger": names.get(row.trigger_id, "")})

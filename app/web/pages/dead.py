"""/dead: list dead letters, and replay many of them in batches."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from app.auth import OPERATOR, VIEWER
from app.errors import InvalidRequest
from app.executions import dead_letters, search
from app.executions.dead_letters import DeadLetterFilter
from app.intake import sources
from app.web import validation
from app.web.api import executions, serializers
from app.web.api.schemas.values import (
    Category,
    ExecutionId,
    HttpStatus,
    Key,
    MomentGiven,
    Reason,
    TriggerId,
    Word,
)
from app.web.pages import filter_chips, whatsapp_preview
from app.web.pages.page_request import HtmlPage, PageRequest, PageResponse
from app.web.pages.registry import Pages
from app.web.time_field import moment

PAGES = Pages()
PER_PAGE = 25
PREVIEW_ROWS = 25
"""Dead letters that the preview shows with their message."""
SELECTED_AT_MOST = 100
_SELECTED = re.compile(r"pick-([0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class DeadLetterQuery:
    """The filters of the page; empty ones match every dead letter."""

    trigger_id: TriggerId | None = None
    reason: Reason | None = None
    category: Category | None = None
    since: MomentGiven | None = None
    until: MomentGiven | None = None
    key: Key | None = None
    http_status: HttpStatus | None = None
    key_prefix: Key | None = None
    source: Word | None = None
    before_id: ExecutionId | None = None

    def filters(self, ids: tuple[int, ...] | None = None) -> DeadLetterFilter:
        """Return the filters as the query takes them, restricted to `ids` if given."""
        return DeadLetterFilter(
            trigger_id=self.trigger_id,
            reason=self.reason,
            category=self.category,
            since=moment("since", self.since),
            until=moment("until", self.until),
            key=self.key,
            http_status=self.http_status,
            key_prefix=self.key_prefix,
            source=self.source,
            ids=ids,
        )

    @property
    def parameters(self) -> dict[str, Any]:
        """The filters that are set, by name, without the position `before_id`."""
        chosen = filter_chips.chosen(self)
        return {name: value for name, value in chosen.items() if value is not None}


@PAGES.get("/dead", VIEWER)
def show_all(request: PageRequest) -> PageResponse:
    """Show the dead letters that match the filters, newest first, to replay some or all of them."""
    query = request.query(DeadLetterQuery)
    filters = query.filters()
    with request.context.database.reading() as connection:
        page = dead_letters.page_query(filters, query.before_id, PER_PAGE + 1)
        rows = connection.execute(page).all()
        groups = executions.groups(request.context, connection, filters)
        choices = search.every_trigger(connection, 500)
    shown = [serializers.dead_letter(row) for row in rows[:PER_PAGE]]
    values = {
        "filters": query,
        "rows": shown,
        "groups": groups,
        "choices": choices,
        "sources": sources.names(),
        "chips": filter_chips.chips(query.parameters, choices),
        "total": sum(group["executions"] for group in groups),
        "next": shown[-1]["id"] if len(rows) > PER_PAGE else None,
    }
    return HtmlPage("dead.html", values)


@PAGES.get("/dead/replay", OPERATOR)
def preview(request: PageRequest) -> PageResponse:
    """Show the dead letters that would be replayed, and ask for confirmation."""
    parameters = request.req.params
    selected = selected_ids(parameters)
    query = query_of({k: v for k, v in parameters.items() if not _SELECTED.fullmatch(k)})
    filters = query.filters(selected or None)
    with request.context.database.reading() as connection:
        rows = connection.execute(dead_letters.page_query(filters, None, PREVIEW_ROWS)).all()
        groups = executions.groups(request.context, connection, filters)
        events = {row.id: search.event_of(connection, row.id) for row in rows}
    shown: list[dict[str, Any]] = [
        {**serializers.dead_letter(row), "message": whatsapp_preview.message(events[row.id])}
        for row in rows
    ]
    total = sum(group["executions"] for group in groups)
    values = {"filters": query, "selected": selected, "rows": shown, "groups": groups}
    return HtmlPage("dead_preview.html", values | {"total": total})


def query_of(parameters: dict[str, Any]) -> DeadLetterQuery:
    """Return the filters that the parameters hold; empty ones are left out."""
    filled = {name: text for name, text in parameters.items() if text != "" and name != "done"}
    return validation.query(DeadLetterQuery, filled)


def selected_ids(names: Iterable[str]) -> tuple[int, ...]:
    """Return the ids of the ticked checkboxes, newest first; each is a field named `pick-<id>`."""
    ids = [int(match[1]) for match in map(_SELECTED.fullmatch, names) if match]
    if len(ids) > SELECTED_AT_MOST:
        raise InvalidRequest(f"at most {SELECTED_AT_MOST} can be selected; use filters instead")
    return tuple(sorted(ids, reverse=True))

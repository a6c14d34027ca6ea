"""/dead: list dead letters, and replay many of them in batches."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from app.auth import OPERATOR, VIEWER
from app.errors import InvalidRequest
from app.executions import dead_letters, search
from app.executions.dead_letters import DeadLetterFilter
from app.web import validation
from app.web.api import executions, serializers
from app.web.api.schemas.dead_letters import BulkReplay
from app.web.api.schemas.values import (
    Category,
    ExecutionId,
    HttpStatus,
    Key,
    MomentGiven,
    Reason,
    TriggerId,
)
from app.web.pages import whatsapp_preview
from app.web.pages.page_request import HtmlPage, PageRequest, PageResponse
from app.web.pages.registry import Pages
from app.web.time_field import moment

PAGES = Pages()
PER_PAGE = 25
BATCH_SIZE = 10
"""Dead letters that one request replays: it takes well under a second, so progress is visible."""
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
            ids=ids,
        )

    @property
    def parameters(self) -> dict[str, Any]:
        """The filters that are set, by name, without the position `before_id`."""
        names = ("trigger_id", "reason", "category", "since", "until", "key", "http_status")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}


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
        "total": sum(group["executions"] for group in groups),
        "next": shown[-1]["id"] if len(rows) > PER_PAGE else None,
    }
    return HtmlPage("dead.html", values)


@PAGES.get("/dead/replay", OPERATOR)
def preview(request: PageRequest) -> PageResponse:
    """Show the dead letters that would be replayed, and ask for confirmation."""
    parameters = request.req.params
    selected = _selected(parameters)
    query = _query({k: v for k, v in parameters.items() if not _SELECTED.fullmatch(k)})
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


@PAGES.post("/dead/replay", OPERATOR)
def replay_batch(request: PageRequest) -> PageResponse:
    """Replay the next batch and show the progress; the page posts again until none is left."""
    fields = request.fields
    selected = _selected(fields)
    query = _query(
        {name: text for name, text in fields.items() if name in DeadLetterQuery.__annotations__}
    )
    batch = _replay(request, query, selected)
    progress = _Progress.of(fields).after(batch)
    values = {"filters": query, "selected": selected, "progress": progress, **batch}
    return HtmlPage("dead_progress.html", values)


@dataclass(frozen=True, slots=True)
class _Progress:
    """The counts of a bulk replay so far; the form carries them from batch to batch."""

    total: int
    sent: int = 0
    refused: int = 0

    @classmethod
    def of(cls, fields: dict[str, str]) -> "_Progress":
        names = ("total", "sent", "refused")
        return cls(*(_count(fields.get(name, "0")) for name in names))

    def after(self, batch: BulkReplay) -> "_Progress":
        sent, refused = self.sent + len(batch["replayed"]), self.refused + len(batch["refused"])
        return replace(self, total=max(self.total, sent + refused), sent=sent, refused=refused)

    @property
    def done(self) -> int:
        return self.sent + self.refused


def _replay(request: PageRequest, query: DeadLetterQuery, selected: tuple[int, ...]) -> BulkReplay:
    filters = query.filters(selected or None)
    return executions.replay_batch(
        request.context, filters, query.before_id, BATCH_SIZE, request.actor
    )


def _query(parameters: dict[str, Any]) -> DeadLetterQuery:
    filled = {name: text for name, text in parameters.items() if text != "" and name != "done"}
    return validation.query(DeadLetterQuery, filled)


def _selected(names: Iterable[str]) -> tuple[int, ...]:
    """Return the ids of the ticked checkboxes, newest first; each is a field named `pick-<id>`."""
    ids = [int(match[1]) for match in map(_SELECTED.fullmatch, names) if match]
    if len(ids) > SELECTED_AT_MOST:
        raise InvalidRequest(f"at most {SELECTED_AT_MOST} can be selected; use filters instead")
    return tuple(sorted(ids, reverse=True))


def _count(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0

"""/dead: what failed for good, and sending many of it again, so many at a time."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from app.auth import OPERATOR, VIEWER
from app.errors import InvalidRequest
from app.executions import dead_letters, search
from app.executions.dead_letters import DeadLetterFilter
from app.web.api import executions, serializers
from app.web.api.schemas.dead_letters import DeadReplayed
from app.web.api.schemas.values import Category, Key, MomentGiven, Reason, TriggerId
from app.web.api.schemas.values import ExecutionId as ExecutionNumber
from app.web.pages import whatsapp_preview
from app.web.pages.page_request import HtmlPage, PageRequest, PageResponse
from app.web.pages.registry import Pages
from app.web.time_field import moment
from app.web.validation import query

PAGES = Pages()
PER_PAGE = 25
AT_ONCE = 10
"""So many are sent again by one request: it takes well under a second, and progress shows."""
LOOKED_INTO = 25
"""Of a preview, so many are shown with what they say."""
CHOSEN_AT_MOST = 100
_PICKED = re.compile(r"pick-([0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class DeadLetterQuery:
    """Which dead letters."""

    trigger_id: TriggerId | None = None
    reason: Reason | None = None
    category: Category | None = None
    since: MomentGiven | None = None
    until: MomentGiven | None = None
    key: Key | None = None
    before_id: ExecutionNumber | None = None

    def chosen(self, ids: tuple[int, ...] | None = None) -> DeadLetterFilter:
        return DeadLetterFilter(
            trigger_id=self.trigger_id,
            reason=self.reason,
            category=self.category,
            since=moment("since", self.since),
            until=moment("until", self.until),
            key=self.key,
            ids=ids,
        )

    @property
    def filters(self) -> dict[str, Any]:
        """The fields that are filled in, but for where the page begins."""
        named = ("trigger_id", "reason", "category", "since", "until", "key")
        return {name: getattr(self, name) for name in named if getattr(self, name) is not None}


@PAGES.get("/dead", VIEWER)
def show_all(request: PageRequest) -> PageResponse:
    """The dead letters that are asked for, newest first, to be picked or taken all."""
    asked = request.asked(DeadLetterQuery)
    chosen = asked.chosen()
    with request.context.database.reading() as connection:
        wanted = dead_letters.page_query(chosen, asked.before_id, PER_PAGE + 1)
        rows = connection.execute(wanted).all()
        groups = executions.groups(request.context, connection, chosen)
        choices = search.every_trigger(connection, 500)
    shown = [serializers.dead(row) for row in rows[:PER_PAGE]]
    values = {
        "asked": asked,
        "rows": shown,
        "groups": groups,
        "choices": choices,
        "total": sum(group["executions"] for group in groups),
        "next": shown[-1]["id"] if len(rows) > PER_PAGE else None,
    }
    return HtmlPage("dead.html", values)


@PAGES.get("/dead/replay", OPERATOR)
def preview(request: PageRequest) -> PageResponse:
    """What would be sent again, before anything is."""
    picked = _picked(request.req.params)
    asked = _asked({k: v for k, v in request.req.params.items() if not _PICKED.fullmatch(k)})
    chosen = asked.chosen(picked or None)
    with request.context.database.reading() as connection:
        rows = connection.execute(dead_letters.page_query(chosen, None, LOOKED_INTO)).all()
        groups = executions.groups(request.context, connection, chosen)
        events = {row.id: search.event_of(connection, row.id) for row in rows}
    shown: list[dict[str, Any]] = [
        {**serializers.dead(row), "message": whatsapp_preview.message(events[row.id])}
        for row in rows
    ]
    total = sum(group["executions"] for group in groups)
    values = {"asked": asked, "picked": picked, "rows": shown, "groups": groups, "total": total}
    return HtmlPage("dead_preview.html", values)


@PAGES.post("/dead/replay", OPERATOR)
def replay_some(request: PageRequest) -> PageResponse:
    """Send the next few again, and say how far it has come."""
    fields = request.fields
    picked = _picked(fields)
    asked = _asked(
        {name: text for name, text in fields.items() if name in DeadLetterQuery.__annotations__}
    )
    answer = _sent(request, asked, picked)
    so_far = _Progress.of(fields).after(answer)
    values = {"asked": asked, "picked": picked, "progress": so_far, **answer}
    return HtmlPage("dead_progress.html", values)


@dataclass(frozen=True, slots=True)
class _Progress:
    """How far the replay of many has come."""

    total: int
    sent: int = 0
    refused: int = 0

    @classmethod
    def of(cls, fields: dict[str, str]) -> "_Progress":
        named = ("total", "sent", "refused")
        return cls(*(_count(fields.get(name, "0")) for name in named))

    def after(self, answer: DeadReplayed) -> "_Progress":
        sent, refused = self.sent + len(answer["replayed"]), self.refused + len(answer["refused"])
        return replace(self, total=max(self.total, sent + refused), sent=sent, refused=refused)

    @property
    def done(self) -> int:
        return self.sent + self.refused


def _sent(request: PageRequest, asked: DeadLetterQuery, picked: tuple[int, ...]) -> DeadReplayed:
    return executions.replay_chosen(
        request.context, asked.chosen(picked or None), asked.before_id, AT_ONCE, request.actor
    )


def _asked(given: dict[str, Any]) -> DeadLetterQuery:
    filled = {name: text for name, text in given.items() if text != "" and name != "done"}
    return query(DeadLetterQuery, filled)


def _picked(names: Iterable[str]) -> tuple[int, ...]:
    """A box that was ticked is a field of its own name."""
    found = [int(match[1]) for match in map(_PICKED.fullmatch, names) if match]
    if len(found) > CHOSEN_AT_MOST:
        raise InvalidRequest(f"at most {CHOSEN_AT_MOST} can be picked; filter instead")
    return tuple(sorted(found, reverse=True))


def _count(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0

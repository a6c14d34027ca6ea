"""/dead/replay: replay many dead letters, a batch for each request, the first ones under watch.

The form carries the state from request to request, so that any process can answer the next one.
"""

from dataclasses import dataclass, replace
from typing import Any

from app.auth import OPERATOR, VIEWER
from app.db import Database
from app.executions import bulk_replay, dead_letters
from app.executions.bulk_replay import Pace
from app.web.api import executions
from app.web.api.schemas.dead_letters import BulkReplay
from app.web.api.schemas.values import ExecutionId
from app.web.pages.dead import DeadLetterQuery, query_of, selected_ids
from app.web.pages.page_request import HtmlPage, PageRequest, PageResponse
from app.web.pages.registry import Pages

PAGES = Pages()
BATCH_SIZE = 10
"""Dead letters that one request replays: at the pace it takes a second, so progress is visible."""
PACE = Pace()
LOOK_SECONDS = 2.0
"""Seconds that one request waits for the latest of the first replays to end."""
LOOKS_AT_MOST = round(PACE.wait_seconds / LOOK_SECONDS)
"""Looks at unended replays in one bulk replay; then the others follow unwatched."""
_WATCHED = "on"


@dataclass(frozen=True, slots=True)
class BulkProgress:
    """The state of a bulk replay so far; each field is a hidden field of the form."""

    total: int = 0
    sent: int = 0
    refused: int = 0
    first_id: int = 0
    """The first new execution; with `last_id` it bounds those whose results are shown."""
    last_id: int = 0
    failed: int = 0
    """First replays that failed again."""
    looks: int = 0
    """Times that a request waited for one of the first replays."""
    watched_id: int = 0
    """The latest of the first replays, whose end decides if the others follow; 0: none."""

    @classmethod
    def of(cls, fields: dict[str, str]) -> "BulkProgress":
        """Read the state from the form."""
        return cls(**{name: _count(fields.get(name, "0")) for name in cls.__annotations__})

    def after(self, batch: BulkReplay) -> "BulkProgress":
        """Add the results of a batch."""
        new = [each["new_execution_id"] for each in batch["replayed"]]
        sent, refused = self.sent + len(new), self.refused + len(batch["refused"])
        return replace(
            self,
            total=max(self.total, sent + refused),
            sent=sent,
            refused=refused,
            first_id=self.first_id or min(new, default=0),
            last_id=max(self.last_id, *new, 0),
        )

    @property
    def done(self) -> int:
        """Return the number of dead letters that were replayed or refused."""
        return self.sent + self.refused

    @property
    def fields(self) -> dict[str, int]:
        """Return the hidden fields of the form."""
        return {name: getattr(self, name) for name in BulkProgress.__annotations__}


@dataclass(frozen=True, slots=True)
class ResultsQuery:
    """The ids between which the new executions of a bulk replay are."""

    first: ExecutionId = 1
    last: ExecutionId = 1


@PAGES.post("/dead/replay", OPERATOR)
def replay_batch(request: PageRequest) -> PageResponse:
    """Replay the next batch and show the progress; the page posts again until none is left.

    With `watch` the first ones are replayed one by one: the others follow when one of them has
    completed, and not if the first three fail again.
    """
    fields = request.fields
    progress, watching, error = _watched(request.context.database, fields)
    query = query_of(
        {name: text for name, text in fields.items() if name in DeadLetterQuery.__annotations__}
    )
    values: dict[str, Any] = {"filters": query, "selected": selected_ids(fields), "error": error}
    values |= {"watch": watching, "replayed": [], "refused": [], "next": query.before_id}
    if progress.failed >= PACE.stop_after or progress.watched_id:
        stopped = not progress.watched_id
        return _page(request, values | {"progress": progress, "stopped": stopped})
    batch = _replay(request, query, values["selected"], 1 if watching else BATCH_SIZE)
    progress = progress.after(batch)
    if watching and batch["replayed"]:
        progress = replace(progress, watched_id=batch["replayed"][-1]["new_execution_id"])
    return _page(request, {**values, **batch, "progress": progress, "stopped": False})


@PAGES.get("/dead/results", VIEWER)
def show_results(request: PageRequest) -> PageResponse:
    """Show how the replays of a bulk replay fared, until all have ended."""
    query = request.query(ResultsQuery)
    results = _results(request.context.database, query.first, query.last)
    return HtmlPage("dead_results.html", {"results": results, "query": query})


def _page(request: PageRequest, values: dict[str, Any]) -> HtmlPage:
    progress: BulkProgress = values["progress"]
    finished = values["next"] is None or values["stopped"]
    results = {}
    if finished and progress.sent:
        results = _results(request.context.database, progress.first_id, progress.last_id)
    return HtmlPage("dead_progress.html", {**values, "results": results})


def _results(database: Database, first_id: int, last_id: int) -> dict[str, int]:
    with database.reading() as connection:
        return dead_letters.results_of_replays(connection, first_id, last_id)


def _watched(database: Database, fields: dict[str, str]) -> tuple[BulkProgress, bool, str]:
    """Return the progress after a look at the latest replay, if others are watched, and its error.

    `watched_id` stays set while that replay has not ended, and then nothing is replayed.
    """
    progress, watching = BulkProgress.of(fields), fields.get("watch") == _WATCHED
    if not watching or not progress.watched_id:
        return replace(progress, watched_id=0), watching, ""
    status, error = bulk_replay.outcome_of(database, progress.watched_id, LOOK_SECONDS)
    if status in bulk_replay.FAILED_AGAIN:
        return replace(progress, watched_id=0, failed=progress.failed + 1), True, error or ""
    if status in bulk_replay.NOT_ENDED and progress.looks < LOOKS_AT_MOST:
        return replace(progress, looks=progress.looks + 1), True, ""
    return replace(progress, watched_id=0), False, ""


def _replay(
    request: PageRequest, query: DeadLetterQuery, selected: tuple[int, ...], size: int
) -> BulkReplay:
    filters = query.filters(selected or None)
    pause = 1 / PACE.per_second
    return executions.replay_batch(
        request.context, filters, query.before_id, size, request.actor, pause=pause
    )


def _count(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0

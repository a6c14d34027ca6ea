"""/executions: list executions, show one in detail, download its event, and replay it."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy.engine import Connection

from app import clock, lifecycle, masking
from app.auth import OPERATOR, VIEWER
from app.errors import NotReplayable, RateLimited, existing
from app.executions import history, search
from app.intake import sources
from app.web.api import executions
from app.web.api.queue import one
from app.web.api.schemas.executions import ExecutionsQuery
from app.web.context import ApiContext
from app.web.pages import curl_command, filter_chips, key_explanation, whatsapp_preview
from app.web.pages.execution_rows import in_rows
from app.web.pages.page_request import Download, HtmlPage, PageRequest, PageResponse, Redirect
from app.web.pages.registry import EXECUTION, Pages
from app.web.pages.trigger_setup import PATH_SOURCES

PAGES = Pages()
CHOICES_AT_MOST = 500
"""Triggers in the filter's select box; others can be given by id in the URL."""
LONGEST_REQUEST_ID = 200
EVENT_SHOWN = 20_000
"""Characters of the event that the page shows; the download has all of it."""

UNFOLDING_AT_MOST = 20
"""Newest attempts of which the page has what they sent and got back; the API has all."""


@PAGES.get("/executions", VIEWER)
def show_all(request: PageRequest) -> PageResponse:
    """Show the executions that match the filters, newest first."""
    query = request.query(ExecutionsQuery)
    counter = request.context.counter
    with request.context.database.reading() as connection:
        page = search.page(connection, counter, query.filters(), query.position())
        names = search.trigger_names(connection, {row.trigger_id for row in page.rows})
        choices = search.every_trigger(connection, CHOICES_AT_MOST)
        reasons = request.context.reasons(connection, page.rows)
    chosen = filter_chips.chosen(query)
    chips = filter_chips.chips(chosen, choices)
    values = {"filters": query, "choices": choices, "chosen": chosen, "chips": chips}
    values["sources"] = sources.names()
    return HtmlPage("executions.html", values | in_rows(page, names, reasons))


@PAGES.get(f"/executions/{EXECUTION}", VIEWER)
def show_one(request: PageRequest, execution_id: int) -> PageResponse:
    """Show the execution with its attempts, its replays and its duplicates."""
    values = detail(request.context, execution_id)
    with request.context.database.reading() as connection:
        older, newer = history.neighbours(connection, values["trigger"]["id"], execution_id)
        values |= _as_curl(connection, values)
    return HtmlPage("execution.html", values | {"older": older, "newer": newer})


def _as_curl(connection: Connection, values: dict[str, Any]) -> dict[str, Any]:
    """Return the stored request as a command, and its id if the sender or a proxy gave one."""
    trigger, request, execution_id = values["trigger"], values["request"], values["execution"]["id"]
    if request is None:
        return {"curl": "", "request_id": ""}
    short = request.size <= curl_command.LONGEST_BODY
    command = curl_command.of(
        trigger["webhook_url"],
        values["headers"],
        request.content_type,
        search.body_of(connection, execution_id) if short else None,
        file=f"request-{execution_id}.bin",
        secret_in_path=trigger["source"] in PATH_SOURCES,
    )
    ids = {name.lower(): value for name, value in values["headers"].items()}
    return {"curl": command, "request_id": str(ids.get("x-request-id", ""))[:LONGEST_REQUEST_ID]}


@PAGES.get(f"/executions/{EXECUTION}/event.json", VIEWER)
def download_event(request: PageRequest, execution_id: int) -> PageResponse:
    """Download the complete event as it is stored."""
    with request.context.database.reading() as connection:
        stored = search.event_of(connection, execution_id)
    event = existing(stored, f"there is no event for execution {execution_id}")
    return Download(event.encode(), "application/json", f"execution-{execution_id}.json")


@PAGES.get(f"/executions/{EXECUTION}/request", VIEWER)
def download_request(request: PageRequest, execution_id: int) -> PageResponse:
    """Download the request body as it was received."""
    with request.context.database.reading() as connection:
        stored = search.body_of(connection, execution_id)
    body = existing(stored, f"the request of execution {execution_id} is not stored")
    return Download(bytes(body), "application/octet-stream", f"request-{execution_id}.bin")


@PAGES.get(f"/executions/{EXECUTION}/replay", OPERATOR)
def confirm_replay(request: PageRequest, execution_id: int) -> PageResponse:
    """Ask for confirmation, and show a WhatsApp message's recipient and text."""
    return HtmlPage("replay.html", detail(request.context, execution_id))


@PAGES.post(f"/executions/{EXECUTION}/replay", OPERATOR)
def replay(request: PageRequest, execution_id: int) -> PageResponse:
    """Replay the dead letter and redirect to the new execution."""
    try:
        result = executions.replay_execution(request.context, execution_id, request.actor)
    except RateLimited as error:
        seconds = error.retry_after_seconds
        values = detail(request.context, execution_id) | {"wait_seconds": seconds}
        return HtmlPage("replay.html", values, 429, {"Retry-After": str(seconds)})
    except NotReplayable as error:
        values = detail(request.context, execution_id) | {"problem": str(error)}
        return HtmlPage("replay.html", values, 400)
    return Redirect(f"/executions/{result['new_execution_id']}?done=replayed")


def detail(context: ApiContext, execution_id: int) -> dict[str, Any]:
    """Return what the pages of one execution show."""
    execution = executions.show_execution(context, execution_id)
    with context.database.reading() as connection:
        request = search.request_of(connection, execution_id)
    trigger = one(context, execution["trigger_id"])
    return {
        "execution": execution,
        "trigger": trigger,
        "request": request,
        "headers": masking.shown_headers(None if request is None else request.headers),
        "message": whatsapp_preview.message(execution["event_data"]),
        **key_explanation.explained(execution, trigger["source"]),
        "attempts": _timed(execution["attempts"]),
        "replayable": execution["status"] in lifecycle.DEAD,
        "unfinished": execution["status"] in lifecycle.UNFINISHED,
        "unfolding": UNFOLDING_AT_MOST,
        "event_shown": EVENT_SHOWN,
        "wait_seconds": 0,
        "problem": "",
    }


def _timed(attempts: Iterable[Any]) -> list[dict[str, Any]]:
    """Add the duration of each attempt; computed from its times where it was not recorded."""
    timed = []
    for attempt in attempts:
        started, finished = (clock.moment(attempt[at]) for at in ("started_at", "finished_at"))
        computed = (finished - started).total_seconds() if started and finished else None
        recorded = attempt["duration_seconds"]
        timed.append({**attempt, "seconds": computed if recorded is None else recorded})
    return timed

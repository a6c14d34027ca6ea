"""/executions: what was admitted, and all that is known of each."""

import json
from collections.abc import Iterable
from typing import Any

from app import clock, lifecycle
from app.auth import OPERATOR, VIEWER
from app.errors import NotFound, NotReplayable, RateLimited
from app.executions import search
from app.web.api import executions
from app.web.api.schemas.executions import ExecutionsSought
from app.web.context import ApiContext
from app.web.pages import key_explanation, whatsapp_preview
from app.web.pages.execution_rows import in_rows
from app.web.pages.page_request import Download, HtmlPage, PageRequest, PageResponse, Redirect
from app.web.pages.registry import EXECUTION, Pages
from app.web.pages.triggers import one

PAGES = Pages()
CHOICES_AT_MOST = 500
"""Of triggers in a list to choose from; beyond it one is chosen by its number."""
EVENT_SHOWN = 20_000


@PAGES.get("/executions", VIEWER)
def show_all(request: PageRequest) -> PageResponse:
    """The executions that are sought, newest first."""
    asked = request.asked(ExecutionsSought)
    with request.context.database.reading() as connection:
        found = search.page(connection, request.context.counter, asked.sought(), asked.where())
        names = search.trigger_names(connection, {row.trigger_id for row in found.rows})
        choices = search.every_trigger(connection, CHOICES_AT_MOST)
    values = {"asked": asked, "choices": choices, **in_rows(found, names)}
    return HtmlPage("executions.html", values)


@PAGES.get(f"/executions/{EXECUTION}", VIEWER)
def show_one(request: PageRequest, execution_id: int) -> PageResponse:
    """The execution, its attempts, its replays, and why others were duplicates of it."""
    return HtmlPage("execution.html", _detail(request.context, execution_id))


@PAGES.get(f"/executions/{EXECUTION}/event.json", VIEWER)
def download_event(request: PageRequest, execution_id: int) -> PageResponse:
    """The event as it is stored, whole."""
    with request.context.database.reading() as connection:
        event = search.event_of(connection, execution_id)
    if event is None:
        raise NotFound(f"there is no event of an execution {execution_id}")
    return Download(event.encode(), "application/json", f"execution-{execution_id}.json")


@PAGES.get(f"/executions/{EXECUTION}/request", VIEWER)
def download_request(request: PageRequest, execution_id: int) -> PageResponse:
    """The bytes of the request as they came."""
    with request.context.database.reading() as connection:
        body = search.body_of(connection, execution_id)
    if body is None:
        raise NotFound(f"the request of execution {execution_id} is not kept")
    return Download(bytes(body), "application/octet-stream", f"request-{execution_id}.bin")


@PAGES.get(f"/executions/{EXECUTION}/replay", OPERATOR)
def confirm_replay(request: PageRequest, execution_id: int) -> PageResponse:
    """Ask once more, and show whom the message came from and what it says."""
    return HtmlPage("replay.html", _detail(request.context, execution_id))


@PAGES.post(f"/executions/{EXECUTION}/replay", OPERATOR)
def replay(request: PageRequest, execution_id: int) -> PageResponse:
    """Send the dead letter again, and go to the new execution."""
    try:
        sent = executions.replay_execution(request.context, execution_id, request.actor)
    except RateLimited as error:
        seconds = error.retry_after_seconds
        values = _detail(request.context, execution_id) | {"wait_seconds": seconds}
        return HtmlPage("replay.html", values, 429, {"Retry-After": str(seconds)})
    except NotReplayable as error:
        values = _detail(request.context, execution_id) | {"problem": str(error)}
        return HtmlPage("replay.html", values, 400)
    return Redirect(f"/executions/{sent['new_execution_id']}?done=replayed")


def _detail(context: ApiContext, execution_id: int) -> dict[str, Any]:
    shown = executions.show_execution(context, execution_id)
    with context.database.reading() as connection:
        request = search.request_of(connection, execution_id)
    trigger = one(context, shown["trigger_id"])
    return {
        "execution": shown,
        "trigger": trigger,
        "request": request,
        "headers": _headers(None if request is None else request.headers),
        "message": whatsapp_preview.message(shown["event_data"]),
        **key_explanation.explained(shown, trigger["source"]),
        "attempts": _timed(shown["attempts"]),
        "replayable": shown["status"] in lifecycle.DEAD,
        "unfinished": shown["status"] in lifecycle.UNFINISHED,
        "event_shown": EVENT_SHOWN,
        "wait_seconds": 0,
        "problem": "",
    }


def _headers(text: str | None) -> dict[str, str]:
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _timed(attempts: Iterable[Any]) -> list[dict[str, Any]]:
    """Each attempt with how long it took; where only its times are known, as long as they say."""
    timed = []
    for each in attempts:
        begun, ended = clock.moment(each["started_at"]), clock.moment(each["finished_at"])
        lasted = (ended - begun).total_seconds() if begun and ended else None
        took = each["duration_seconds"]
        timed.append({**each, "seconds": lasted if took is None else took})
    return timed

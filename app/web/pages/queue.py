"""/pause and /workers, and below a trigger: pause, resume, probe its target, close its breaker."""

import json
import math
from contextlib import suppress

from app.auth import OPERATOR, VIEWER
from app.errors import InvalidRequest
from app.triggers.pausing import DEFAULT_PER_SECOND, LONGEST_REASON
from app.web import validation
from app.web.api import queue
from app.web.api.schemas.queue import PauseBody, ResumeBody
from app.web.pages.page_request import HtmlPage, PageRequest, PageResponse, Redirect
from app.web.pages.registry import TRIGGER, Pages

PAGES = Pages()


@PAGES.post(f"/triggers/{TRIGGER}/pause", OPERATOR)
def pause(request: PageRequest, trigger_id: int) -> PageResponse:
    """Pause the trigger for the reason of the form."""
    queue.pause_trigger(request.context, trigger_id, _reason(request), request.actor)
    return Redirect(f"/triggers/{trigger_id}?done=paused")


@PAGES.get(f"/triggers/{TRIGGER}/pause", OPERATOR)
def confirm_pause(request: PageRequest, trigger_id: int) -> PageResponse:
    """Ask for the reason of the pause."""
    trigger = queue.one(request.context, trigger_id)
    return HtmlPage("pause_trigger.html", {"trigger": trigger, "longest_reason": LONGEST_REASON})


@PAGES.get(f"/triggers/{TRIGGER}/resume", OPERATOR)
def confirm_resume(request: PageRequest, trigger_id: int) -> PageResponse:
    """Show how many executions wait, and ask for the pace at which they begin."""
    trigger = queue.one(request.context, trigger_id)
    return HtmlPage("resume.html", {"trigger": trigger, "per_second": DEFAULT_PER_SECOND})


@PAGES.post(f"/triggers/{TRIGGER}/resume", OPERATOR)
def resume(request: PageRequest, trigger_id: int) -> PageResponse:
    """Resume the trigger at the pace of the form."""
    queue.resume_trigger(request.context, trigger_id, _pace(request), request.actor)
    return Redirect(f"/triggers/{trigger_id}?done=resumed")


@PAGES.post(f"/triggers/{TRIGGER}/breaker", OPERATOR)
def change_breaker(request: PageRequest, trigger_id: int) -> PageResponse:
    """Probe the target behind the open breaker, or close the breaker."""
    if request.fields.get("change") == "close":
        queue.close_breaker(request.context, trigger_id, request.actor)
        return Redirect(f"/triggers/{trigger_id}?done=breaker_closed")
    queue.probe_target(request.context, trigger_id, request.actor)
    return Redirect(f"/triggers/{trigger_id}?done=probed")


@PAGES.get("/pause", VIEWER)
def show_pause(request: PageRequest) -> PageResponse:
    """Show if all triggers are paused and how many executions wait, with a button to change it."""
    values = {"pause": queue.pause_of_all(request.context), "per_second": DEFAULT_PER_SECOND}
    return HtmlPage("pause.html", values | {"longest_reason": LONGEST_REASON})


@PAGES.post("/pause", OPERATOR)
def change_pause(request: PageRequest) -> PageResponse:
    """Pause all triggers, or resume them at the pace of the form."""
    if request.fields.get("change") == "resume":
        queue.resume_all(request.context, _pace(request), request.actor)
        return Redirect("/pause?done=all_resumed")
    queue.pause_all(request.context, _reason(request), request.actor)
    return Redirect("/pause?done=all_paused")


@PAGES.get("/workers", VIEWER)
def show_workers(request: PageRequest) -> PageResponse:
    """Show the workers with their slots and last heartbeat."""
    return HtmlPage("workers.html", {"fleet": queue.list_workers(request.context)})


def _reason(request: PageRequest) -> PauseBody:
    """Return the reason of the form; one that is empty is none."""
    return PauseBody(request.fields.get("reason") or None)


def _pace(request: PageRequest) -> ResumeBody:
    """Return the pace of the form; without one the default."""
    text = request.fields.get("per_second", "").strip()
    values = {"per_second": _number(text)} if text else {}
    body, _ = validation.media(ResumeBody, json.dumps(values).encode())
    return body


def _number(text: str) -> float:
    """Return the number; raise InvalidRequest for other texts, and for words such as nan."""
    with suppress(ValueError):
        if math.isfinite(number := float(text)):
            return number
    raise InvalidRequest("per_second must be a number")

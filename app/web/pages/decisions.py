"""/executions/{id}/...: run again, replay with changes, cancel, retry now, forget a key."""

from collections.abc import Callable
from typing import Any

from app.auth import OPERATOR
from app.errors import InvalidRequest, NotPossible, NotReplayable, RateLimited
from app.intake import edit
from app.web.api import decisions
from app.web.api.schemas.executions import EditedReplayBody, RunAgainBody
from app.web.pages.executions import detail
from app.web.pages.page_request import HtmlPage, PageRequest, PageResponse, Redirect
from app.web.pages.registry import EXECUTION, Pages

PAGES = Pages()
EDITED_AT_MOST = 100_000
"""Characters of the longest payload that the form shows; the API and the command take longer."""
_STATUSES: dict[type[Exception], int] = {
    NotReplayable: 400,
    InvalidRequest: 422,
    NotPossible: 409,
    RateLimited: 429,
}
_DONE = {"cancel": "cancelled", "retry-now": "retried", "forget-key": "forgotten"}
"""Message that the execution's page shows after a decision."""


@PAGES.get(f"/executions/{EXECUTION}/run-again", OPERATOR)
def confirm_run_again(request: PageRequest, execution_id: int) -> PageResponse:
    """Ask with which key and payload the completed execution runs again."""
    return _form(request, execution_id, "run-again")


@PAGES.post(f"/executions/{EXECUTION}/run-again", OPERATOR)
def run_again(request: PageRequest, execution_id: int) -> PageResponse:
    """Run the completed execution again and redirect to the new one."""
    changed = _changed(request, execution_id)
    own_key = request.fields.get("key") == "own"
    body = RunAgainBody("own" if own_key else "old", changed)

    def decide() -> str:
        new = decisions.run_execution_again(request.context, execution_id, body, request.actor)
        return f"/executions/{new['new_execution_id']}?done=run_again"

    return _decided(request, execution_id, "run-again", decide)


@PAGES.get(f"/executions/{EXECUTION}/edit", OPERATOR)
def confirm_edit(request: PageRequest, execution_id: int) -> PageResponse:
    """Show the payload of the dead letter to be changed before its replay."""
    return _form(request, execution_id, "edit")


@PAGES.post(f"/executions/{EXECUTION}/edit", OPERATOR)
def replay_edited(request: PageRequest, execution_id: int) -> PageResponse:
    """Replay the dead letter with the changed payload and redirect to the new execution."""

    def decide() -> str:
        text = _changed(request, execution_id)
        if text is None:
            raise InvalidRequest("the payload is unchanged: use Replay")
        body = EditedReplayBody(text)
        new = decisions.replay_edited(request.context, execution_id, body, request.actor)
        return f"/executions/{new['new_execution_id']}?done=replayed"

    return _decided(request, execution_id, "edit", decide)


@PAGES.get(f"/executions/{EXECUTION}/cancel", OPERATOR)
def confirm_cancel(request: PageRequest, execution_id: int) -> PageResponse:
    """Ask for confirmation."""
    return _form(request, execution_id, "cancel")


@PAGES.post(f"/executions/{EXECUTION}/cancel", OPERATOR)
def cancel(request: PageRequest, execution_id: int) -> PageResponse:
    """End the waiting execution."""
    return _changed_itself(request, execution_id, "cancel", decisions.cancel_execution)


@PAGES.post(f"/executions/{EXECUTION}/retry-now", OPERATOR)
def retry_now(request: PageRequest, execution_id: int) -> PageResponse:
    """Make the waiting execution due now."""
    return _changed_itself(request, execution_id, "retry-now", decisions.retry_execution_now)


@PAGES.get(f"/executions/{EXECUTION}/forget-key", OPERATOR)
def confirm_forget_key(request: PageRequest, execution_id: int) -> PageResponse:
    """Ask for confirmation."""
    return _form(request, execution_id, "forget-key")


@PAGES.post(f"/executions/{EXECUTION}/forget-key", OPERATOR)
def forget_key(request: PageRequest, execution_id: int) -> PageResponse:
    """Release the key of the finished execution."""
    return _changed_itself(request, execution_id, "forget-key", decisions.forget_execution_key)


def _changed_itself(
    request: PageRequest, execution_id: int, decision: str, change: Callable[..., object]
) -> PageResponse:
    """Change the execution itself, without a new one, and show it."""

    def decide() -> str:
        change(request.context, execution_id, request.actor)
        return f"/executions/{execution_id}?done={_DONE[decision]}"

    return _decided(request, execution_id, decision, decide)


def _decided(
    request: PageRequest, execution_id: int, decision: str, decide: Callable[[], str]
) -> PageResponse:
    """Redirect to the page that the decision leads to; on a refusal show the form with it."""
    try:
        return Redirect(decide())
    except tuple(_STATUSES) as error:
        problem, status = str(error), _STATUSES[type(error)]
        return _form(request, execution_id, decision, problem=problem, status=status)


def _form(
    request: PageRequest, execution_id: int, decision: str, problem: str = "", status: int = 200
) -> HtmlPage:
    values: dict[str, Any] = {
        **detail(request.context, execution_id),
        "decision": decision,
        "problem": problem,
        "payload": None,
    }
    if decision in ("run-again", "edit"):
        text = edit.text_of(request.context.database, execution_id)
        values["payload"] = None if text is None or len(text) > EDITED_AT_MOST else text
    if status != 200 and "payload" in request.fields:
        values["payload"] = request.fields["payload"]
    return HtmlPage("decision.html", values, status)


def _changed(request: PageRequest, execution_id: int) -> str | None:
    """Return the payload of the form if the person changed it; browsers alter its line breaks."""
    text = request.fields.get("payload")
    if text is None:
        return None
    before = edit.text_of(request.context.database, execution_id)
    unchanged = before is not None and before.replace("\r\n", "\n") == text
    return None if unchanged else text

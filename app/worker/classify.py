"""Classify an attempt's result: its outcome, and if a retry can help. Pure."""

from collections.abc import Callable
from datetime import datetime

from app.actions import retry_after
from app.actions.work import summary
from app.errors import Absent, ActionFailed, MachineTrouble, is_machine_trouble
from app.lifecycle import (
    AUTH,
    CONFIGURATION,
    CONNECTION,
    FAILED_ATTEMPT,
    INTERNAL,
    LOST,
    PERMANENT,
    RATE_LIMITED,
    REASONS,
    REJECTED,
    SUCCEEDED,
    TARGET_ERROR,
    TIMEOUT,
    TRANSIENT,
)
from app.lifecycle import LEASE_LOST as LEASE_LOST_REASON
from app.worker.attempt import Outcome

TRANSIENT_STATUSES = frozenset({408, 425, 429})
TRANSIENT_MARKERS = (
    "HTTP 5",
    "timed out",
    "timeout",
    "Timeout",
    "Connection refused",
    "Connection reset",
    "Network is unreachable",
    "URLError",
    "RemoteDisconnected",
    "BrokenPipeError",
)
"""Texts in a script's output that mark its failure as transient, as in the older system."""

LEASE_LOST = Outcome(
    LOST,
    error="the lease expired: its worker died or hung",
    category=TRANSIENT,
    reason=LEASE_LOST_REASON,
)
"""Outcome of an attempt whose lease expired; it is retried like any transient failure."""

HANDED_BACK = Outcome(
    LOST,
    error="the worker stopped before the attempt ended",
    category=TRANSIENT,
    reason=LEASE_LOST_REASON,
    handed_back=True,
)
"""Outcome of an attempt that its worker ended itself in order to stop in time."""


def outcome(
    result: str | BaseException,
    duration_seconds: float,
    now: datetime,
    hidden: Callable[[str], str] = str,
    answered: int | None = None,
) -> Outcome:
    """Return the outcome of an attempt from the text its action returned or the error it raised.

    `hidden` removes secrets from either: plug-ins, and errors of libraries, may repeat them.
    `answered`: the status of the response to an action that succeeded; an error has its own.
    """
    if isinstance(result, str):
        return Outcome(
            SUCCEEDED,
            summary=summary(hidden(result)),
            http_status=answered,
            duration_seconds=duration_seconds,
        )
    return Outcome(
        FAILED_ATTEMPT,
        summary=summary(hidden(_output(result))),
        error=summary(hidden(_error_text(result))),
        category=category(result),
        reason=reason(result),
        # another error's http_status may have any value, even one that no database stores
        http_status=result.http_status if isinstance(result, ActionFailed) else None,
        retry_after_seconds=_retry_after_seconds(result, now),
        duration_seconds=duration_seconds,
        not_started=isinstance(result, MachineTrouble),
        absent=isinstance(result, Absent),
    )


def category(error: BaseException) -> str:
    """Return `transient` or `permanent`: as the action says, by HTTP status, or by markers."""
    if not isinstance(error, ActionFailed):
        passes = isinstance(error, TimeoutError | ConnectionError) or is_machine_trouble(error)
        return TRANSIENT if passes else PERMANENT
    if error.permanent is not None:
        return PERMANENT if error.permanent else TRANSIENT
    if error.http_status is not None:
        may_pass = error.http_status >= 500 or error.http_status in TRANSIENT_STATUSES
        return TRANSIENT if may_pass else PERMANENT
    return TRANSIENT if _markers(error) else PERMANENT


def reason(error: BaseException) -> str:
    """Return one of lifecycle.REASONS: the action's own word first, then by HTTP status."""
    if isinstance(error, ActionFailed):
        if error.reason in REASONS:
            return error.reason
        if error.http_status is not None:
            return _reason_of_status(error.http_status)
        if isinstance(error, MachineTrouble):
            return INTERNAL
        return _reason_of_markers(_markers(error))
    if isinstance(error, TimeoutError):
        return TIMEOUT
    return CONNECTION if isinstance(error, ConnectionError) else INTERNAL


def _reason_of_status(status: int) -> str:
    if status in _REASON_OF_STATUS:
        return _REASON_OF_STATUS[status]
    if status >= 500:
        return TARGET_ERROR
    # a redirect is not followed: the configured address is out of date
    return REJECTED if status >= 400 else CONFIGURATION


_REASON_OF_STATUS = {401: AUTH, 403: AUTH, 408: TIMEOUT, 429: RATE_LIMITED}


def _output(error: BaseException) -> str:
    return (error.output or "") if isinstance(error, ActionFailed) else ""


def _markers(error: ActionFailed) -> list[str]:
    """Return the markers in the error or in the output, as the older system read both."""
    return [each for each in TRANSIENT_MARKERS if each in str(error) or each in _output(error)]


def _reason_of_markers(markers: list[str]) -> str:
    if not markers:
        return REJECTED
    if "HTTP 5" in markers:
        return TARGET_ERROR
    return TIMEOUT if {"timed out", "timeout", "Timeout"} & set(markers) else CONNECTION


def _retry_after_seconds(error: BaseException, now: datetime) -> float | None:
    return retry_after.seconds(error.retry_after, now) if isinstance(error, ActionFailed) else None


def _error_text(error: BaseException) -> str:
    if isinstance(error, ActionFailed):
        return str(error)
    return f"{type(error).__name__}: {_message(error)}"


def _message(error: BaseException) -> str:
    """Return the error's message; the `__str__` of a plug-in's error may itself raise."""
    try:
        return str(error)
    except Exception as broken:
        return f"(no message: {type(broken).__name__})"

"""How did it end, and is it worth trying again? Pure: a result in, an outcome out."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from app.actions.work import summary
from app.errors import ActionFailed
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
    "Connection refused",
    "Connection reset",
    "Network is unreachable",
    "URLError",
    "RemoteDisconnected",
    "BrokenPipeError",
)
"""What the older system took for trouble that passes, wherever a script's output says so."""

LEASE_LOST = Outcome(
    LOST,
    error="the lease ran out: its worker died or hung",
    category=TRANSIENT,
    reason=LEASE_LOST_REASON,
)
"""What became of an attempt whose worker fell silent; it goes the way of any transient failure."""

HANDED_BACK = Outcome(
    LOST,
    error="its worker was told to stop before it ended",
    category=TRANSIENT,
    reason=LEASE_LOST_REASON,
    handed_back=True,
)
"""What became of an attempt that a worker ended itself, to be gone in time."""


def outcome(result: str | BaseException, duration_seconds: float, now: datetime) -> Outcome:
    """How an attempt ended, from what its action said or raised."""
    if isinstance(result, str):
        return Outcome(SUCCEEDED, summary=summary(result), duration_seconds=duration_seconds)
    return Outcome(
        FAILED_ATTEMPT,
        error=_in_words(result),
        category=category(result),
        reason=reason(result),
        # what other errors have by that name may be anything, and would not be taken by a database
        http_status=result.http_status if isinstance(result, ActionFailed) else None,
        retry_after_seconds=retry_after_seconds(result, now),
        duration_seconds=duration_seconds,
    )


def category(error: BaseException) -> str:
    """`transient` or `permanent`. What an action knows itself counts first, then the status."""
    if not isinstance(error, ActionFailed):
        return TRANSIENT if isinstance(error, TimeoutError | ConnectionError) else PERMANENT
    if error.permanent is not None:
        return PERMANENT if error.permanent else TRANSIENT
    if error.http_status is not None:
        passes = error.http_status >= 500 or error.http_status in TRANSIENT_STATUSES
        return TRANSIENT if passes else PERMANENT
    return TRANSIENT if any(marker in str(error) for marker in TRANSIENT_MARKERS) else PERMANENT


def reason(error: BaseException) -> str:
    """One of lifecycle.REASONS. What an action says itself counts first, then the status."""
    if isinstance(error, ActionFailed):
        if error.reason in REASONS:
            return error.reason
        if error.http_status is not None:
            return _reason_of_status(error.http_status)
        return _reason_in_words(str(error))
    if isinstance(error, TimeoutError):
        return TIMEOUT
    return CONNECTION if isinstance(error, ConnectionError) else INTERNAL


def _reason_of_status(status: int) -> str:
    if status in _REASON_OF_STATUS:
        return _REASON_OF_STATUS[status]
    if status >= 500:
        return TARGET_ERROR
    # a redirect is not followed: the address is no longer the right one
    return REJECTED if status >= 400 else CONFIGURATION


_REASON_OF_STATUS = {401: AUTH, 403: AUTH, 408: TIMEOUT, 429: RATE_LIMITED}


def _reason_in_words(text: str) -> str:
    found = [marker for marker in TRANSIENT_MARKERS if marker in text]
    if not found:
        return REJECTED
    if "HTTP 5" in found:
        return TARGET_ERROR
    return TIMEOUT if {"timed out", "timeout"} & set(found) else CONNECTION


def retry_after_seconds(error: BaseException, now: datetime) -> float | None:
    """How long the target asks us to wait, from seconds or from an HTTP date; None if it does not.

    https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
    """
    header = (error.retry_after or "").strip() if isinstance(error, ActionFailed) else ""
    if header.isascii() and header.isdigit():
        return float(header[:9])
    try:
        moment = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - now).total_seconds())


def _in_words(error: BaseException) -> str:
    if isinstance(error, ActionFailed):
        return summary(str(error))
    return summary(f"{type(error).__name__}: {_said(error)}")


def _said(error: BaseException) -> str:
    """Its words; an error of a plug-in may break while it is asked for them."""
    try:
        return str(error)
    except Exception as broken:
        return f"(no words: {type(broken).__name__})"

"""Failures that may pass by themselves are transient, all others permanent."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import pytest

from app import lifecycle
from app.errors import ActionFailed
from app.worker import classify

NOW = datetime(2026, 3, 5, 9, 30, tzinfo=UTC)


def outcome(result: str | BaseException) -> classify.Outcome:
    return classify.outcome(result, 1.5, NOW)


def test_what_an_action_said_is_the_summary_of_a_success() -> None:
    ended = outcome("done")

    assert (ended.outcome, ended.summary, ended.error) == ("succeeded", "done", None)
    assert ended.duration_seconds == 1.5


@pytest.mark.parametrize("marker", classify.TRANSIENT_MARKERS)
def test_a_marker_of_the_older_system_makes_a_failure_transient(marker: str) -> None:
    assert outcome(ActionFailed(f"exit status 1: oh, {marker}!")).category == "transient"


@pytest.mark.parametrize(
    "said", ["ended with status 1: no such berth", "TIMED OUT", "HTTP 404", "urlerror", ""]
)
def test_a_failure_without_a_marker_is_permanent(said: str) -> None:
    assert outcome(ActionFailed(said)).category == "permanent"


def test_the_markers_are_those_of_the_older_system() -> None:
    assert set(classify.TRANSIENT_MARKERS) == {
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
    }


@pytest.mark.parametrize(
    ("status", "category"),
    [
        *((status, "transient") for status in (408, 425, 429, 500, 502, 503, 504, 599)),
        *((status, "permanent") for status in (301, 400, 401, 403, 404, 410, 422, 451)),
    ],
)
def test_an_http_status_decides(status: int, category: str) -> None:
    ended = outcome(ActionFailed("the target said so", http_status=status))

    assert (ended.category, ended.http_status) == (category, status)


def test_an_http_status_counts_more_than_words_in_the_answer() -> None:
    said = ActionFailed("HTTP 404 the search timed out", http_status=404)

    assert outcome(said).category == "permanent"


@pytest.mark.parametrize(("permanent", "category"), [(True, "permanent"), (False, "transient")])
def test_what_the_action_knows_counts_most(permanent: bool, category: str) -> None:
    known = ActionFailed("HTTP 503 timed out", http_status=404, permanent=permanent)

    assert outcome(known).category == category


@pytest.mark.parametrize(
    ("error", "category"),
    [
        (TimeoutError("slow"), "transient"),
        (ConnectionRefusedError("no"), "transient"),
        (ConnectionResetError("no"), "transient"),
        (BrokenPipeError("no"), "transient"),
        (ValueError("timed out"), "permanent"),
        (KeyError("x"), "permanent"),
        (SystemExit(3), "permanent"),
        (MemoryError(), "transient"),
    ],
    ids=repr,
)
def test_an_error_of_the_actions_own_is_named(error: BaseException, category: str) -> None:
    ended = outcome(error)

    assert ended.category == category
    assert ended.error is not None
    assert ended.error.startswith(type(error).__name__)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("120", 120.0),
        (" 120 ", 120.0),
        ("0", 0.0),
        ("9" * 400, 999_999_999.0),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("soon", None),
        ("Thu, 05 Mar 2026 09:31:00 GMT", 60.0),
        ("Thu, 05 Mar 2026 09:31:00 -0000", 60.0),
        ("Thu, 05 Mar 2026 06:31:00 -0300", 60.0),
        ("Thu, 05 Mar 2026 09:29:00 GMT", 0.0),
        ("Thu, 99 Mar 2026 09:29:00 GMT", None),
        ("Thu, 05 Mar 99999 09:29:00 GMT", None),
        ("Thu, 05 Mar 99999999999999 09:29:00 GMT", None),
        ("Thu, 05 Mar 2026 09:29:00 +99999999999", None),
    ],
)
def test_retry_after_is_read_in_both_its_forms(header: str | None, seconds: float | None) -> None:
    asked = ActionFailed("later", http_status=503, retry_after=header)

    assert outcome(asked).retry_after_seconds == seconds


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "x" * 100_000], ids=["NUL", "half", "long"])
def test_what_is_recorded_fits_into_a_database(text: str) -> None:
    recorded = outcome(ActionFailed(text)).error

    assert recorded is not None
    assert "\0" not in recorded
    assert len(recorded.encode()) <= 4 * 4000


def test_a_lost_lease_is_transient() -> None:
    assert (classify.LEASE_LOST.outcome, classify.LEASE_LOST.category) == ("lost", "transient")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        *((ActionFailed("no", http_status=status), "auth") for status in (401, 403)),
        (ActionFailed("no", http_status=429), "rate_limited"),
        (ActionFailed("no", http_status=408), "timeout"),
        *((ActionFailed("no", http_status=status), "target_error") for status in (500, 503, 599)),
        *((ActionFailed("no", http_status=status), "rejected") for status in (400, 404, 410, 425)),
        (ActionFailed("moved", http_status=302), "configuration"),
        (ActionFailed("timed out", http_status=404), "rejected"),
        (ActionFailed("timed out", http_status=404, reason="configuration"), "configuration"),
        (ActionFailed("odd", http_status=404, reason="of my own making"), "rejected"),
        (ActionFailed("the crane timed out"), "timeout"),
        (ActionFailed("oh, Connection refused"), "connection"),
        (ActionFailed("HTTP 502 timed out"), "target_error"),
        (ActionFailed("no such berth"), "rejected"),
        (TimeoutError("slow"), "timeout"),
        (ConnectionResetError("no"), "connection"),
        (ValueError("timed out"), "internal"),
        (SystemExit(3), "internal"),
    ],
    ids=repr,
)
def test_a_failure_has_one_of_the_known_reasons(error: BaseException, reason: str) -> None:
    assert classify.reason(error) == reason
    assert outcome(error).reason == reason
    assert reason in lifecycle.REASONS


def test_a_success_has_no_reason_and_a_lost_lease_its_own() -> None:
    assert outcome("done").reason is None
    assert classify.LEASE_LOST.reason == "lease_lost"


def test_an_error_whose_str_raises_is_recorded() -> None:
    class Broken(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert outcome(Broken()).error == "Broken: (no message: RuntimeError)"


@pytest.mark.parametrize("status", ["404", 10**40, -1, 4.5])
def test_a_status_that_is_none_does_not_decide(status: Any) -> None:
    ended = outcome(ActionFailed("no such berth", http_status=status))

    assert (ended.http_status, ended.category, ended.reason) == (None, "permanent", "rejected")


def test_a_status_of_somebody_elses_error_is_not_recorded() -> None:
    class Theirs(Exception):
        http_status = object()

    assert outcome(Theirs("by zero")).http_status is None


def test_a_status_with_a_name_is_recorded_as_its_number() -> None:
    status = outcome(ActionFailed("HTTP 502", http_status=HTTPStatus.BAD_GATEWAY)).http_status

    assert (status, type(status)) == (502, int)


def test_a_plugin_may_give_the_wait_as_a_number() -> None:
    later: Any = 30

    assert (
        outcome(ActionFailed("later", http_status=503, retry_after=later)).retry_after_seconds == 30
    )

"""Note deliveries in the journal; called after the answer."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from app.intake.journal import entries
from app.intake.journal.entries import Entry
from app.intake.journal.queue import Journal
from app.intake.message import Admission, Request, Verdict, WebhookTrigger
from app.stats import outcomes
from app.stats.counters import NOBODY


def refused(
    journal: Journal,
    trigger: WebhookTrigger | None,
    request: Request,
    outcome: str,
    detail: str,
) -> None:
    """Note a refused request; one to an unknown address is dropped after the same work."""

    def make(at: datetime) -> Entry:
        return replace(entries.of_request(request, outcome, at, trigger), detail=detail)

    journal.note(NOBODY if trigger is None else trigger.id, outcome, make)


def unread(
    journal: Journal, trigger_id: int, request: Request, size: int, reason: tuple[str, str]
) -> None:
    """Note a request that was refused before its body was read; `reason`: outcome and detail."""
    outcome, detail = reason
    journal.note(
        trigger_id,
        outcome,
        lambda at: Entry(trigger_id, outcome, at, request, size, detail=detail),
    )


def repeated(
    journal: Journal,
    trigger: WebhookTrigger,
    request: Request,
    decided: Sequence[tuple[Admission, Verdict]],
    filtered_count: int,
) -> None:
    """Note the duplicates of a request, and that events of it were filtered."""
    if filtered_count:

        def filtered(at: datetime) -> Entry:
            entry = entries.of_request(request, outcomes.FILTERED, at, trigger)
            return replace(entry, events=filtered_count)

        journal.note(trigger.id, outcomes.FILTERED, filtered)
    duplicates = [(each, verdict) for each, verdict in decided if verdict.duplicate]
    for admission, verdict in duplicates[: entries.NOTED_EVENTS]:
        make = partial(entries.of_duplicate, request, trigger, admission, verdict)
        journal.note(trigger.id, verdict.outcome, make)

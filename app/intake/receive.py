"""A request becomes an execution: the sentence, and what it needs to be said."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from sqlalchemy.exc import IntegrityError

from app import clock, log
from app.db import Database
from app.db.schema import SchemaWatch
from app.errors import KeyMissing, TooLarge
from app.executions import retention
from app.executions.retention import Retention, RetentionDefaults
from app.intake import batch, key, parse, payload_digest, redact, sources, trigger_cache, verify
from app.intake.group_commit import GroupCommit
from app.intake.memory_budget import MemoryBudget
from app.intake.message import (
    OK,
    Admission,
    AdmissionRequest,
    Event,
    Request,
    Source,
    Verdict,
    WebhookResponse,
    WebhookTrigger,
)
from app.intake.trigger_cache import TriggerCache
from app.settings import Settings
from app.stats import outcomes
from app.stats.counters import NOBODY, Counters

EVENTS_AT_MOST = 1_000
"""What WhatsApp, the largest known, puts into one request."""
KEPT_AT_MOST = 16 * 1_048_576
"""Of one request's events together: what they have in common is kept with each of them."""
IDS_NAMED = 20
"""How many executions the line about one request names."""

logger = logging.getLogger("hookonce.intake")

Work = Callable[[], object]


def immediately(work: Work) -> None:
    """Run the work now: the `later` of an intake that answers nobody."""
    work()


@dataclass(frozen=True, slots=True)
class Intake:
    """What receiving holds on to between requests; one for each process."""

    database: Database
    triggers: TriggerCache
    schema: SchemaWatch
    pre_check: bool = True
    now: Callable[[], datetime] = clock.now
    tally: Counters = field(default_factory=Counters)
    room: MemoryBudget = field(default_factory=MemoryBudget)
    keep: RetentionDefaults = field(default_factory=lambda: retention.of_settings(Settings()))
    later: Callable[[Work], object] = immediately
    """Runs work that need not keep the sender waiting: once the response is sent."""
    admit: GroupCommit[AdmissionRequest, list[Verdict]] = field(init=False)

    def __post_init__(self) -> None:
        admit = batch.group_commit(self.database, self.schema, pre_check=self.pre_check)
        object.__setattr__(self, "admit", admit)


def opened(
    database: Database,
    *,
    pre_check: bool = True,
    tally: Counters | None = None,
    settings: Settings | None = None,
    later: Callable[[Work], object] = immediately,
) -> Intake:
    """An intake for this database, which counts what it does in this tally."""
    return Intake(
        database,
        TriggerCache(database),
        SchemaWatch(database),
        pre_check,
        tally=tally or Counters(),
        keep=retention.of_settings(settings or Settings()),
        later=later,
    )


def receive(request: Request, intake: Intake) -> WebhookResponse:
    """The answer to the request, given only after what it says is committed.

    Raises Unverified, Unreadable, TooLarge, KeyMissing or DatabaseUnavailable; then nothing was
    admitted.
    """
    trigger = None
    try:
        trigger = intake.triggers.find(request.trigger_id)
        with intake.room.for_bytes(len(request.body)):
            return _received(request, trigger, intake)
    except Exception as error:
        intake.tally.count(trigger.id if trigger else NOBODY, outcomes.of(error))
        raise


def turned_away(trigger_id: str, outcome: str, intake: Intake) -> None:
    """A request to this address was refused before anything of it could be received."""
    intake.tally.count_claimed(trigger_cache.number(trigger_id), outcome)


def answered(trigger_id: str, seconds: float, intake: Intake) -> None:
    """Whoever called this address has waited so long for the answer."""
    known = intake.triggers.remembered(trigger_id)
    if known is None:
        count = partial(
            intake.tally.answered, trigger_cache.number(trigger_id), seconds, claimed=True
        )
    else:
        count = partial(intake.tally.answered, known, seconds)
    intake.later(count)


def _received(request: Request, trigger: WebhookTrigger | None, intake: Intake) -> WebhookResponse:
    source = verify.check(trigger, request, intake.now())
    assert trigger is not None  # noqa: S101, an unknown trigger is never verified
    payload = parse.payload(request)
    greeting = source.handshake(request, payload)
    if greeting is not None:
        intake.tally.count(trigger.id, outcomes.HANDSHAKE)
        return greeting
    events = source.events(request, payload)
    if len(events) > EVENTS_AT_MOST:
        raise TooLarge(f"a request may carry at most {EVENTS_AT_MOST} events")
    wanted = [event for event in events if parse.wanted(event, trigger.event_filter)]
    shared = len(events) > 1
    admissions = _bounded(
        _admission(event, request, source, trigger, shared=shared) for event in wanted
    )
    kept = redact.request(request, payload, source.redacted)
    verdicts = _admitted(intake, trigger, admissions, kept)
    intake.later(partial(_tell, intake, trigger, verdicts, len(events) - len(wanted)))
    return OK


def greet(request: Request, intake: Intake) -> WebhookResponse:
    """The answer to a GET, by which some senders ask whether the address is the operator's.

    Unknown, disabled and wrongly asked sound the same.
    """
    trigger = intake.triggers.find(request.trigger_id)
    answer = verify.greeting(trigger, request, intake.now())
    outcome = outcomes.HANDSHAKE if answer.status == OK.status else _barred(trigger)
    intake.tally.count(trigger.id if trigger else NOBODY, outcome)
    return answer


def _barred(trigger: WebhookTrigger | None) -> str:
    if trigger is None:
        return outcomes.UNKNOWN_TRIGGER
    if not trigger.enabled:
        return outcomes.DISABLED_TRIGGER
    return outcomes.BAD_SIGNATURE if trigger.secret else outcomes.NO_SECRET


def _bounded(admissions: Iterable[Admission]) -> list[Admission]:
    """All of them; raises TooLarge, before there are more, where they take too much together."""
    made, size = [], 0
    for admission in admissions:
        made.append(admission)
        size += admission.size if len(made) > 1 else 0
        if size > KEPT_AT_MOST:
            raise TooLarge(f"the events of a request may take at most {KEPT_AT_MOST} bytes")
    return made


def _admission(
    event: Event, request: Request, source: Source, trigger: WebhookTrigger, *, shared: bool
) -> Admission:
    found = key.of(event, request, source, trigger.key_from)
    if found is None and trigger.key_required:
        raise KeyMissing("the event has no idempotency key, and this trigger asks for one")
    stored = parse.stored(redact.event(event, source.redacted))
    said = None if found is None else payload_digest.of(event)
    return Admission(stored, found, said, redact.part(event, source.redacted) if shared else None)


def _admitted(
    intake: Intake, trigger: WebhookTrigger, admissions: list[Admission], request: Request
) -> list[Verdict]:
    """A verdict for each, committed."""
    if not admissions:
        return []
    try:
        entry = AdmissionRequest(trigger.id, admissions, request, _lifetimes(intake, trigger))
        return intake.admit(entry, len(admissions))
    except IntegrityError:
        intake.triggers.forget(trigger.id)
        raise


def _lifetimes(intake: Intake, trigger: WebhookTrigger) -> Retention:
    retry_seconds = sources.named(trigger.source).facts.retry_seconds
    return intake.keep.of(retry_seconds, keep_rows_seconds=trigger.keep_rows_seconds)


def _tell(intake: Intake, trigger: WebhookTrigger, verdicts: list[Verdict], unwanted: int) -> None:
    """The operator, by log and by numbers, what became of the request's events."""
    if unwanted:
        intake.tally.count(trigger.id, outcomes.FILTERED, unwanted)
    for verdict in verdicts:
        intake.tally.count(trigger.id, verdict.outcome)
        if verdict.duplicate:
            intake.tally.repeat(verdict.execution_id, verdict.mismatch)
    admitted = [verdict.execution_id for verdict in verdicts if not verdict.duplicate]
    if admitted:
        _log_admitted(trigger, admitted)


def _log_admitted(trigger: WebhookTrigger, ids: list[int]) -> None:
    """One line, however many events the request carried."""
    several = {"events": len(ids)} if len(ids) > 1 else {}
    named = ",".join(map(str, ids[:IDS_NAMED])) if several else ids[0]
    log.event(
        logger, logging.INFO, "admitted", trigger_id=trigger.id, execution_id=named, **several
    )

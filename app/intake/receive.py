"""Receive a request: verify, parse, key, redact, admit, respond; one function for each step."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from sqlalchemy.exc import IntegrityError

from app import clock, log
from app.db import Database
from app.db.schema import SchemaWatch
from app.errors import HookonceError
from app.executions.retention import Retention, RetentionDefaults, of_settings
from app.intake import (
    admissions,
    batch,
    limits,
    mismatches,
    parse,
    redact,
    sources,
    trigger_cache,
    verify,
)
from app.intake.admit import new_execution
from app.intake.group_commit import GroupCommit
from app.intake.journal import Journal, notes
from app.intake.memory_budget import MemoryBudget
from app.intake.message import (
    OK,
    Admission,
    AdmissionRequest,
    Json,
    Request,
    Source,
    Verdict,
    WebhookResponse,
    WebhookTrigger,
)
from app.intake.older_rules import OlderRulesLog
from app.intake.trigger_cache import TriggerCache
from app.settings import Settings
from app.stats import outcomes
from app.stats.counters import NOBODY, Counters

IDS_LOGGED = 20
"""Most execution ids in the log line about one request."""

logger = logging.getLogger("hookonce.intake")

Work = Callable[[], object]


def immediately(work: Work) -> None:
    """Run the work now: the `later` of an intake that sends no response."""
    work()


@dataclass(frozen=True, slots=True)
class Intake:
    """State of receiving that lasts from request to request; one per process."""

    database: Database
    triggers: TriggerCache
    schema: SchemaWatch
    pre_check: bool = True
    now: Callable[[], datetime] = clock.now
    counters: Counters = field(default_factory=Counters)
    memory: MemoryBudget = field(default_factory=MemoryBudget)
    older_rules: OlderRulesLog = field(default_factory=OlderRulesLog)
    journal: Journal = field(default_factory=Journal)
    retention: RetentionDefaults = field(default_factory=lambda: of_settings(Settings()))
    later: Callable[[Work], object] = immediately
    """Function that runs work after the response is sent: the sender need not wait for it."""
    admit: GroupCommit[AdmissionRequest, list[Verdict]] = field(init=False)

    def __post_init__(self) -> None:
        admit = batch.group_commit(self.database, self.schema, pre_check=self.pre_check)
        object.__setattr__(self, "admit", admit)

    def lifetimes(self, trigger: WebhookTrigger) -> Retention:
        """Return how long this trigger's executions, and with them their keys, are kept."""
        retry_seconds = sources.named(trigger.source).facts.retry_seconds
        return self.retention.of(retry_seconds, keep_rows_seconds=trigger.keep_rows_seconds)


def create_intake(
    database: Database,
    *,
    pre_check: bool = True,
    counters: Counters | None = None,
    settings: Settings | None = None,
    later: Callable[[Work], object] = immediately,
) -> Intake:
    """Return an intake for this database that counts its outcomes in `counters`."""
    schema = SchemaWatch(database)
    return Intake(
        database,
        TriggerCache(database, last_found_id=schema.last_found_trigger_id),
        schema,
        pre_check,
        counters=counters or Counters(),
        retention=of_settings(settings or Settings()),
        later=later,
    )


def receive(request: Request, intake: Intake) -> WebhookResponse:
    """Admit the request's events, and return the response once they are committed.

    Raises Unverified, Unreadable, TooLarge, KeyMissing or DatabaseUnavailable; then nothing was
    admitted.
    """
    trigger = None
    try:
        trigger = intake.triggers.find(request.trigger_id)
        with intake.memory.for_bytes(len(request.body)):
            return _verify_and_admit(request, trigger, intake)
    except Exception as error:
        outcome, detail = outcomes.of(error), _sentence(error)
        intake.counters.count(trigger.id if trigger else NOBODY, outcome)
        intake.later(partial(notes.refused, intake.journal, trigger, request, outcome, detail))
        raise


def body_limit(trigger_id: str, general: int, intake: Intake) -> int:
    """Return the most bytes of a body to this address: the trigger's own limit, or its source's.

    An address without a trigger has the general limit, and so has a trigger that refuses anyway.
    Raises DatabaseUnavailable.
    """
    trigger = intake.triggers.find(trigger_id)
    if trigger is None or not trigger.enabled or not trigger.secret:
        return general
    return trigger.max_body_bytes or sources.body_bytes(trigger.source, general)


def count_refusal(request: Request, size: int, error: Exception, intake: Intake) -> None:
    """Count and note a request that was refused before it could be received, without its body."""
    id_, outcome = trigger_cache.parse_id(request.trigger_id), outcomes.of(error)
    intake.counters.count_claimed(id_, outcome)
    reason = outcome, _sentence(error)
    intake.later(partial(notes.unread, intake.journal, id_, request, size, reason))


def _sentence(error: Exception) -> str:
    """Return the error as the journal keeps it: a driver's message repeats the event."""
    return str(error) if isinstance(error, HookonceError) else type(error).__name__


def record_response_time(trigger_id: str, seconds: float, intake: Intake) -> None:
    """Record how long the sender waited for the response."""
    cached_id = intake.triggers.cached_id(trigger_id)
    if cached_id is None:
        id_ = trigger_cache.parse_id(trigger_id)
        record = partial(intake.counters.answered, id_, seconds, claimed=True)
    else:
        record = partial(intake.counters.answered, cached_id, seconds)
    intake.later(record)


def _verify_and_admit(
    request: Request, trigger: WebhookTrigger | None, intake: Intake
) -> WebhookResponse:
    unsigned = verify.unsigned_response(trigger, request)
    if trigger is not None and unsigned is not None:
        return _handshake(trigger, unsigned, intake)
    source = verify.check(trigger, request, intake.now(), curve=intake.triggers.may_check_curve)
    assert trigger is not None  # noqa: S101, an unknown trigger is never verified
    if trigger.older_signature or trigger.is_event:
        intake.later(partial(intake.older_rules.note, trigger, request))
    limits.require_small(request, trigger)
    parse.require_parsable(request.body)
    payload = parse.payload(request)
    handshake = _asked_for(request, payload, source, trigger)
    if handshake is not None:
        return _handshake(trigger, handshake, intake)
    _admit_events(request, payload, source, trigger, intake)
    return source.response(request, payload)


def _asked_for(
    request: Request, payload: Json, source: Source, trigger: WebhookTrigger
) -> WebhookResponse | None:
    """Return the response to a request that only tries the address; None if it brings events."""
    handshake = source.handshake(request, payload)
    if handshake is None and source.challenge is not None:
        return source.challenge(request, payload, trigger.secret)
    return handshake


def _admit_events(
    request: Request, payload: Json, source: Source, trigger: WebhookTrigger, intake: Intake
) -> None:
    """Admit what passes the trigger's filter; counts, log and journal follow the response."""
    events = limits.limited(source.events(request, payload))
    wanted = [event for event in events if parse.passes_filter(event, trigger.event_filter)]
    admitted = admissions.of_events(wanted, request, source, trigger, is_batch=len(events) > 1)
    redacted = redact.request(request, payload, source.redacted, top_only=source.redacted_at_top)
    verdicts = _admit(intake, trigger, admitted, redacted)
    decided = list(zip(admitted, verdicts, strict=True))
    repeated = [verdict for verdict in verdicts if verdict.duplicate]
    if repeated:
        _keep_mismatched(intake, trigger, decided, redacted)
    filtered_count = len(events) - len(wanted)
    intake.later(partial(_report, intake, trigger, verdicts, filtered_count))
    if filtered_count or repeated:
        note = partial(notes.repeated, intake.journal, trigger, request, decided)
        intake.later(partial(note, filtered_count))


def _handshake(
    trigger: WebhookTrigger, response: WebhookResponse, intake: Intake
) -> WebhookResponse:
    intake.counters.count(trigger.id, outcomes.HANDSHAKE)
    return response


def greet(request: Request, intake: Intake) -> WebhookResponse:
    """Return the response to a GET, by which some senders test that the address is the operator's.

    Unknown and disabled triggers and wrong requests get the same response.
    """
    trigger = intake.triggers.find(request.trigger_id)
    curve = intake.triggers.may_check_curve
    response = verify.greeting(trigger, request, intake.now(), curve=curve)
    outcome = outcomes.HANDSHAKE if response.status == OK.status else _refusal_outcome(trigger)
    intake.counters.count(trigger.id if trigger else NOBODY, outcome)
    if outcome != outcomes.HANDSHAKE:
        detail = "the sender asked by GET if the address is the operator's, and was refused"
        intake.later(partial(notes.refused, intake.journal, trigger, request, outcome, detail))
    return response


def _refusal_outcome(trigger: WebhookTrigger | None) -> str:
    if trigger is None:
        return outcomes.UNKNOWN_TRIGGER
    if not trigger.enabled:
        return outcomes.DISABLED_TRIGGER
    return outcomes.BAD_SIGNATURE if trigger.secret else outcomes.NO_SECRET


def _admit(
    intake: Intake, trigger: WebhookTrigger, admitted: list[Admission], request: Request
) -> list[Verdict]:
    """Return a verdict for each event, once they are committed."""
    if not admitted:
        return []
    try:
        incoming = AdmissionRequest(trigger.id, admitted, request, intake.lifetimes(trigger))
        return intake.admit(incoming, len(admitted))
    except IntegrityError:
        intake.triggers.forget(trigger.id)
        raise


def _keep_mismatched(
    intake: Intake,
    trigger: WebhookTrigger,
    decided: Sequence[tuple[Admission, Verdict]],
    request: Request,
) -> None:
    """Keep the payloads that came under a known key with another payload."""
    mismatched = [
        (verdict.execution_id, new_execution(trigger.id, admission, request))
        for admission, verdict in decided
        if verdict.mismatch is not None
    ]
    if mismatched:
        mismatches.keep(intake.database, intake.schema, mismatched)


def _report(
    intake: Intake, trigger: WebhookTrigger, verdicts: list[Verdict], filtered_count: int
) -> None:
    """Count and log the outcome of each of the request's events."""
    if filtered_count:
        intake.counters.count(trigger.id, outcomes.FILTERED, filtered_count)
    admitted = []
    for verdict in verdicts:
        intake.counters.count(trigger.id, verdict.outcome)
        if verdict.duplicate:
            intake.counters.repeat(verdict.execution_id, verdict.mismatch)
        else:
            admitted.append(verdict.execution_id)
    if admitted:
        _log_admitted(trigger, admitted)


def _log_admitted(trigger: WebhookTrigger, ids: list[int]) -> None:
    """Log one line, however many events the request carried."""
    several = {"events": len(ids)} if len(ids) > 1 else {}
    logged_ids = ",".join(map(str, ids[:IDS_LOGGED])) if several else ids[0]
    log.event(
        logger, logging.INFO, "admitted", trigger_id=trigger.id, execution_id=logged_ids, **several
    )

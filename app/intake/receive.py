"""A request becomes an execution: the sentence, and what it needs to be said."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.exc import IntegrityError

from app import clock, log
from app.db import Database
from app.errors import DatabaseUnavailable, KeyMissing, SchemaMoved, TooLarge
from app.intake import admit, key, parse, redact, sources, verify
from app.intake.lookup import Triggers
from app.intake.message import (
    FORBIDDEN,
    OK,
    Admission,
    Answer,
    Event,
    Request,
    Source,
    Trigger,
    Verdict,
)
from app.revision import SchemaWatch

MOVES_OUTLIVED = 3
"""How often one request begins again because a migration changed the schema under it."""
EVENTS_AT_MOST = 1_000
"""What WhatsApp, the largest known, puts into one request; each is kept with the whole request."""

logger = logging.getLogger("hookonce.intake")


@dataclass(frozen=True, slots=True)
class Intake:
    """What receiving holds on to between requests; one for each process."""

    database: Database
    triggers: Triggers
    schema: SchemaWatch
    pre_check: bool = True
    now: Callable[[], datetime] = clock.now


def opened(database: Database, *, pre_check: bool = True) -> Intake:
    """An intake for this database."""
    return Intake(database, Triggers(database), SchemaWatch(database), pre_check)


def receive(request: Request, intake: Intake) -> Answer:
    """The answer to the request, given only after what it says is committed.

    Raises Unverified, Unreadable, TooLarge, KeyMissing or DatabaseUnavailable; then nothing was
    admitted.
    """
    trigger = intake.triggers.find(request.trigger_id)
    source = verify.check(trigger, request, intake.now())
    assert trigger is not None  # noqa: S101, an unknown trigger is never verified
    payload = parse.payload(request)
    greeting = source.handshake(request, payload)
    if greeting is not None:
        return greeting
    events = source.events(request, payload)
    if len(events) > EVENTS_AT_MOST:
        raise TooLarge(f"a request may carry at most {EVENTS_AT_MOST} events")
    wanted = [event for event in events if parse.wanted(event, trigger.event_filter)]
    admissions = [_admission(event, request, source, trigger) for event in wanted]
    kept = redact.request(request, payload, source.redacted)
    for verdict in _admitted(intake, trigger, admissions, kept):
        _log_verdict(trigger, verdict)
    return OK


def greet(request: Request, intake: Intake) -> Answer:
    """The answer to a GET, by which some senders ask whether the address is the operator's.

    Unknown, disabled and wrongly asked sound the same.
    """
    trigger = intake.triggers.find(request.trigger_id)
    if trigger is None or not trigger.enabled or not trigger.secret:
        return FORBIDDEN
    greeting = sources.named(trigger.source).greeting
    return FORBIDDEN if greeting is None else greeting(request, trigger.secret)


def _admission(event: Event, request: Request, source: Source, trigger: Trigger) -> Admission:
    found = key.of(event, request, source, trigger.key_from)
    if found is None and trigger.key_required:
        raise KeyMissing("the event has no idempotency key, and this trigger asks for one")
    return Admission(parse.stored(redact.event(event, source.redacted)), found)


def _admitted(
    intake: Intake, trigger: Trigger, admissions: list[Admission], request: Request
) -> list[Verdict]:
    """A verdict for each, committed; begun again when a migration moves the schema meanwhile."""
    for _ in range(MOVES_OUTLIVED):
        try:
            return _admit_together(intake, trigger, admissions, request)
        except SchemaMoved as error:
            intake.schema.forget()
            moved = error
        except IntegrityError:
            intake.triggers.forget(trigger.id)
            raise
    raise DatabaseUnavailable(str(moved))


def _admit_together(
    intake: Intake, trigger: Trigger, admissions: list[Admission], request: Request
) -> list[Verdict]:
    schema = intake.schema.admitting()
    keys = {admission.key for admission in admissions if admission.key is not None}
    known: dict[str, int] = {}
    if intake.pre_check and keys:
        with intake.database.reading() as connection:
            known = admit.existing(connection, schema, trigger.id, keys)
    fresh = [admission for admission in admissions if admission.key not in known]
    verdicts = [
        admit.replay_of(trigger.id, admission.key, known[admission.key])
        for admission in admissions
        if admission.key in known and admission.key is not None
    ]
    if fresh:
        with intake.database.writing() as connection:
            verdicts += [
                admit.once(connection, schema, trigger.id, admission, request)
                for admission in fresh
            ]
    return verdicts


def _log_verdict(trigger: Trigger, verdict: Verdict) -> None:
    if not verdict.duplicate:
        log.event(
            logger,
            logging.INFO,
            "admitted",
            trigger_id=trigger.id,
            execution_id=verdict.execution_id,
        )

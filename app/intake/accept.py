"""Accept a refused or filtered delivery at a person's request: its events are admitted as usual.

The person decides about the signature and the filter, not about the key: an event whose key is
known is still a duplicate. Everything happens in one transaction, with the audit row.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from app import audit, db
from app.audit import Actor
from app.db import Database, violates
from app.db.errors import PAYLOAD_INDEX
from app.db.models import delivery_journal
from app.db.schema import Schema, SchemaWatch
from app.errors import NotAcceptable, NotPossible, existing
from app.executions import origins, own_execution
from app.executions.retention import RetentionDefaults
from app.intake import admissions, admit, former_keys, parse, sources, store
from app.intake.journal import bodies
from app.intake.message import AdmissionRequest, Request, Verdict, WebhookTrigger
from app.intake.trigger_cache import TriggerCache
from app.stats import journal, outcomes
from app.tolerant_json import json_object

LONGEST_NAME = 200
"""Characters of the person's name that are stored with the delivery."""
_NO_EVENT = "the request {}: there is no event in it"

_columns = delivery_journal.c


@dataclass(frozen=True, slots=True)
class Candidate:
    """A delivery that may be accepted, with its events as they would be admitted."""

    delivery_id: int
    incoming: AdmissionRequest

    @property
    def keys(self) -> list[str | None]:
        """The idempotency key of each event."""
        return [each.key for each in self.incoming.admissions]


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The executions that the events became, and those that had their key before."""

    new: list[int]
    duplicates: list[int]


def candidate(database: Database, delivery_id: int, defaults: RetentionDefaults) -> Candidate:
    """Return the delivery with its events; raise NotFound, NotAcceptable or Unreadable."""
    with database.reading() as connection:
        row = journal.delivery(connection, delivery_id)
    _require_acceptable(row)
    last_found_id = SchemaWatch(database).last_found_trigger_id
    found = TriggerCache(database, last_found_id=last_found_id).find(str(row.trigger_id))
    sentence = f"the trigger of delivery {delivery_id} receives no webhooks any more"
    trigger = existing(found, sentence)
    request = _request(row)
    _require_event(request, trigger)
    admitted = admissions.of_request(request, trigger)
    if not admitted:
        raise NotAcceptable(_NO_EVENT.format("is empty"))
    if row.body_kept != bodies.WHOLE:  # the digest of what is left is not that of what was sent
        admitted = [replace(each, digest=None) for each in admitted]
    retry_seconds = sources.named(trigger.source).facts.retry_seconds
    lifetimes = defaults.of(retry_seconds, keep_rows_seconds=trigger.keep_rows_seconds)
    return Candidate(delivery_id, AdmissionRequest(trigger.id, admitted, request, lifetimes))


def accept(database: Database, chosen: Candidate, actor: Actor) -> Acceptance:
    """Admit the events; return the executions once they are committed.

    Of two people at the same time one accepts; the other gets NotAcceptable. If each event is a
    duplicate, the delivery is marked as handled with the execution that has the key. It can be
    accepted again, for its key may be forgotten or expire.
    """
    schema = SchemaWatch(database).admitting()
    with database.writing() as connection:
        _mark(connection, chosen.delivery_id, actor)
        verdicts = _admit(connection, schema, chosen.incoming)
        result = Acceptance(
            new=[each.execution_id for each in verdicts if not each.duplicate],
            duplicates=[each.execution_id for each in verdicts if each.duplicate],
        )
        _note_result(connection, chosen, result, actor)
    if result.new:
        database.notifier.notify()
    return result


def run(database: Database, delivery_id: int, actor: Actor) -> int:
    """Run the payload of a duplicate or a mismatch as an execution of its own; return it.

    Each delivery is run once. Raises NotFound, NotAcceptable, or NotPossible.
    """
    with database.reading() as connection:
        row = journal.delivery(connection, delivery_id)
    if row.outcome not in outcomes.REPEATED or row.execution_id is None:
        raise NotAcceptable(f"delivery {row.id} is {row.outcome}: neither duplicate nor mismatch")
    try:
        with database.writing() as connection:
            _mark(connection, delivery_id, actor)
            new = _own_execution(connection, row, actor)
            change = sa.update(delivery_journal).where(_columns.id == delivery_id)
            connection.execute(change.values(accepted_execution_id=new))
    except IntegrityError as error:
        if violates(error, PAYLOAD_INDEX):
            raise NotPossible("this payload was run before as an execution of its own") from error
        raise
    database.notifier.notify()
    return new


def _own_execution(connection: Connection, row: sa.Row[Any], actor: Actor) -> int:
    if row.digest is None:
        return own_execution.duplicate_in(connection, row.execution_id, actor, row.id)
    return own_execution.mismatch_in(connection, row.execution_id, row.digest, actor, row.id)


def _require_acceptable(row: sa.Row[Any]) -> None:
    if row.accepted_execution_id is not None:
        raise NotAcceptable(f"delivery {row.id} was accepted by {row.accepted_by}")
    if row.outcome != outcomes.FILTERED and not row.outcome.startswith(outcomes.REFUSED):
        raise NotAcceptable(f"delivery {row.id} is a {row.outcome}, neither refused nor filtered")
    if row.body is None or row.body_kept not in bodies.ACCEPTABLE:
        why = _NOT_KEPT.get(row.body_kept, "its body is not kept")
        raise NotAcceptable(f"delivery {row.id} cannot be accepted: {why}")


_NOT_KEPT = {
    bodies.LARGE: "its body is too large to be kept",
    bodies.PARTIAL: "its body cannot be read, or lacks a secret or a header that its key needs",
}


def _request(row: sa.Row[Any]) -> Request:
    headers = {name: str(value) for name, value in (json_object(row.headers) or {}).items()}
    return Request(str(row.trigger_id), headers, bytes(row.body), address=row.address or "")


def _require_event(request: Request, trigger: WebhookTrigger) -> None:
    payload = parse.payload(request)
    if sources.named(trigger.source).handshake(request, payload) is not None:
        raise NotAcceptable(_NO_EVENT.format("only tests the address"))


def _mark(connection: Connection, delivery_id: int, actor: Actor) -> None:
    """Mark the delivery as accepted before anything is admitted, so that nobody else accepts it."""
    marked = connection.execute(
        sa.update(delivery_journal)
        .where(_columns.id == delivery_id, _columns.accepted_execution_id.is_(None))
        .values(accepted_at=db.utc_now(), accepted_by=actor.name[:LONGEST_NAME])
    )
    if marked.rowcount != 1:
        raise NotAcceptable(f"delivery {delivery_id} was just accepted by somebody, or removed")


def _admit(connection: Connection, schema: Schema, incoming: AdmissionRequest) -> Sequence[Verdict]:
    statements = store.within(connection)
    (incoming,) = former_keys.kept(statements, schema, [incoming])
    verdicts = []
    for each in incoming.admissions:
        found = statements.find(schema, incoming.trigger_id, {each.key}) if each.key else {}
        existing = found.get(each.key or "")
        if existing is not None and admit.key_is_live(existing, incoming.lifetimes):
            verdicts.append(admit.duplicate_verdict(incoming.trigger_id, each, existing))
        else:
            verdicts.append(admit.admit_one(connection, schema, incoming, each))
    return verdicts


def _note_result(
    connection: Connection, chosen: Candidate, result: Acceptance, actor: Actor
) -> None:
    became = {_columns.accepted_execution_id: result.new[0]} if result.new else {}
    known = {} if result.new else {_columns.execution_id: result.duplicates[0]}
    change = sa.update(delivery_journal).where(_columns.id == chosen.delivery_id)
    connection.execute(change.values({**became, **known}))
    for execution_id in result.new:
        ids = (chosen.incoming.trigger_id, execution_id)
        origins.record(connection, ids, origins.ACCEPTED, actor, delivery_id=chosen.delivery_id)
    after = {
        "trigger_id": chosen.incoming.trigger_id,
        "execution_ids": result.new,
        "duplicates_of": result.duplicates,
    }
    subject = f"delivery:{chosen.delivery_id}"
    audit.record(connection, actor, "delivery.accept", subject, after=after)

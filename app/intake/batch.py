"""Admit requests that arrive together as one batch: one look-up, one transaction, one commit.

Each request still gets its own verdicts, and only after the commit. When any row is refused, the
batch is rolled back and each request is admitted on its own: a refused row never fails another
request, and the constraint that it violates is known.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sqlalchemy.exc import DataError, IntegrityError

from app import cooperative, log
from app.db import Database
from app.db.schema import Schema, SchemaWatch
from app.errors import DatabaseUnavailable, Deadlocked, SchemaMoved
from app.executions.creation import NewExecution
from app.intake import admit, former_keys, store
from app.intake.group_commit import GroupCommit
from app.intake.message import Admission, AdmissionRequest, Verdict
from app.intake.store import AdmissionStore, ExistingExecution, RowRejected
from app.lifecycle import PENDING
from app.stats import outcomes

TRIES_AT_MOST = 50
"""Tries to admit, of which each failed by a deadlock or by a migration that changed the schema.

A migration through all revisions may take the lock for each of them, and change the columns before
we get it.
"""
BATCH_EVENTS = 128
"""Most events in one batch. More would gain nothing, and each waits for the slowest."""
LIGHT_BYTES = 16 * cooperative.SMALL_REQUEST_BYTES
"""Most bytes of a batch that the answering thread writes itself.

More are written by another thread: they would keep the answering thread for milliseconds.
"""

Result = list[Verdict] | Exception
ByKey = dict[tuple[int, str], ExistingExecution]
"""Existing executions, by trigger id and idempotency key."""
NewEvent = tuple[AdmissionRequest, Admission]
"""An event to insert, and the request that brought it."""
_EXPIRED = "an expired key is still stored; retrying this request on its own to release it"


@dataclass(frozen=True, slots=True)
class BatchAdmission:
    """Admits batches of requests into the database of this process."""

    database: Database
    schema: SchemaWatch
    pre_check: bool

    def admit(self, requests: list[AdmissionRequest]) -> list[Result]:
        """Return for each request the committed verdicts of its events, or why there are none."""
        if sum(len(each.request.body) for each in requests) > LIGHT_BYTES:
            return cooperative.offload(partial(self._admit, requests))
        return self._admit(requests)

    def _admit(self, requests: list[AdmissionRequest]) -> list[Result]:
        last_error: Exception = DatabaseUnavailable("admission was not tried")
        for _ in range(TRIES_AT_MOST):
            try:
                return list(self._admit_together(self.schema.admitting(), requests))
            except (RowRejected, Deadlocked):
                return self._admit_one_by_one(requests)
            except SchemaMoved as error:
                self.schema.forget()
                last_error = error
            except DatabaseUnavailable as error:
                return _unavailable(error, requests)
        return _unavailable(last_error, requests)

    def _admit_together(
        self, schema: Schema, requests: list[AdmissionRequest]
    ) -> list[list[Verdict]]:
        with store.borrow(self.database) as admission_store:
            requests = former_keys.kept(admission_store, schema, requests)
            existing, new, ids = self._find_and_insert(admission_store, schema, requests)
        if ids:
            self.database.notifier.notify()
        accepted = {}
        for (request, admission), id_ in zip(new, ids, strict=True):
            accepted[id(admission)] = Verdict(id_, outcomes.ACCEPTED)
            if admission.key is not None:
                existing[request.trigger_id, admission.key] = ExistingExecution(
                    id_, admission.digest, PENDING
                )
        return [_verdicts(request, accepted, existing) for request in requests]

    def _find_and_insert(
        self, admission_store: AdmissionStore, schema: Schema, requests: list[AdmissionRequest]
    ) -> tuple[ByKey, list[NewEvent], list[int]]:
        """Return the existing executions, and the new events with the ids they were inserted as."""
        if not self.pre_check:
            new = [(request, each) for request in requests for each in request.admissions]
            return {}, new, admission_store.insert(schema, _rows(new))
        if len(requests) == len(requests[0].admissions) == 1:
            return _find_or_insert(admission_store, schema, requests[0])
        existing = _find_existing(admission_store, schema, requests)
        _require_all_live(requests, existing)
        new = _new_events(requests, existing)
        return existing, new, admission_store.insert(schema, _rows(new)) if new else []

    @cooperative.offloaded
    def _admit_one_by_one(self, requests: list[AdmissionRequest]) -> list[Result]:
        """Admit each in its own transaction; without a database, give up all that follow too."""
        results: list[Result] = []
        for request in requests:
            with log.of(request.request.request_context):
                result = _result_or_error(partial(self._admit_alone, request))
            results.append(result)
            if isinstance(result, DatabaseUnavailable) and not isinstance(result, RowRejected):
                return results + _unavailable(result, requests[len(results) :])
        return results

    def _admit_alone(self, request: AdmissionRequest) -> list[Verdict]:
        for _ in range(TRIES_AT_MOST):
            try:
                return self._in_one_transaction(request, self.schema.admitting())
            except SchemaMoved as error:
                self.schema.forget()
                last_error = str(error)
            except Deadlocked as error:  # with a request of the same events in another order
                last_error = str(error)
        raise DatabaseUnavailable(last_error)

    def _in_one_transaction(self, request: AdmissionRequest, schema: Schema) -> list[Verdict]:
        request, existing = self._find_live(schema, request)
        verdicts = [
            admit.duplicate_verdict(
                request.trigger_id, each, existing[request.trigger_id, each.key]
            )
            for each in request.admissions
            if each.key is not None and (request.trigger_id, each.key) in existing
        ]
        new = [
            each
            for each in request.admissions
            if each.key is None or (request.trigger_id, each.key) not in existing
        ]
        if new:
            with self.database.writing() as connection:
                verdicts += [admit.admit_one(connection, schema, request, each) for each in new]
            self.database.notifier.notify()
        return verdicts

    def _find_live(
        self, schema: Schema, request: AdmissionRequest
    ) -> tuple[AdmissionRequest, ByKey]:
        """Return the request under the keys that count, and the live executions under them."""
        with store.borrow(self.database) as admission_store:
            (request,) = former_keys.kept(admission_store, schema, [request])
            if not self.pre_check:
                return request, {}
            return request, _live([request], _find_existing(admission_store, schema, [request]))


def group_commit(
    database: Database, schema: SchemaWatch, *, pre_check: bool
) -> GroupCommit[AdmissionRequest, list[Verdict]]:
    """Return the function that admits what arrives at the same time in this process together."""
    return GroupCommit(BatchAdmission(database, schema, pre_check).admit, BATCH_EVENTS)


def _find_existing(
    admission_store: AdmissionStore, schema: Schema, requests: list[AdmissionRequest]
) -> ByKey:
    keys: dict[int, set[str]] = {}
    for request in requests:
        of_trigger = keys.setdefault(request.trigger_id, set())
        of_trigger.update(each.key for each in request.admissions if each.key is not None)
    return {
        (trigger_id, key): existing
        for trigger_id, wanted in keys.items()
        if wanted
        for key, existing in admission_store.find(schema, trigger_id, wanted).items()
    }


def _live(requests: list[AdmissionRequest], existing: ByKey) -> ByKey:
    """Return those executions whose key has not expired."""
    lifetimes = {request.trigger_id: request.lifetimes for request in requests}
    return {
        (trigger_id, key): execution
        for (trigger_id, key), execution in existing.items()
        if admit.key_is_live(execution, lifetimes[trigger_id])
    }


def _require_all_live(requests: list[AdmissionRequest], existing: ByKey) -> None:
    if len(_live(requests, existing)) < len(existing):
        raise RowRejected(_EXPIRED)


def _find_or_insert(
    admission_store: AdmissionStore, schema: Schema, request: AdmissionRequest
) -> tuple[ByKey, list[NewEvent], list[int]]:
    (admission,) = request.admissions
    row = admit.new_execution(request.trigger_id, admission, request.request)
    result = admission_store.find_or_insert(schema, row)
    if not isinstance(result, ExistingExecution):
        return {}, [(request, admission)], [result]
    assert admission.key is not None  # noqa: S101, nothing is found without a key
    if not admit.key_is_live(result, request.lifetimes):
        raise RowRejected(_EXPIRED)
    return {(request.trigger_id, admission.key): result}, [], []


def _rows(events: list[NewEvent]) -> list[NewExecution]:
    return [
        admit.new_execution(request.trigger_id, each, request.request) for request, each in events
    ]


def _new_events(requests: list[AdmissionRequest], existing: ByKey) -> list[NewEvent]:
    """Return the events to insert: their key neither exists nor came earlier in this batch."""
    new, keys = [], set(existing)
    for request in requests:
        for admission in request.admissions:
            if admission.key is not None:
                if (request.trigger_id, admission.key) in keys:
                    continue
                keys.add((request.trigger_id, admission.key))
            new.append((request, admission))
    return new


def _verdicts(
    request: AdmissionRequest, accepted: dict[int, Verdict], existing: ByKey
) -> list[Verdict]:
    """Return a verdict for each event of the request: accepted just now, or a duplicate."""
    return [
        accepted.get(id(each)) or _duplicate(request, each, existing) for each in request.admissions
    ]


def _duplicate(request: AdmissionRequest, admission: Admission, existing: ByKey) -> Verdict:
    assert admission.key is not None  # noqa: S101, an event without a key is always inserted
    with log.of(request.request.request_context):  # another thread may run the batch
        execution = existing[request.trigger_id, admission.key]
        return admit.duplicate_verdict(request.trigger_id, admission, execution)


def _result_or_error(work: Callable[[], list[Verdict]]) -> Result:
    try:
        return work()
    except (DatabaseUnavailable, IntegrityError, DataError) as error:
        return error


def _unavailable(error: Exception, requests: list[AdmissionRequest]) -> list[Result]:
    """Return the same error for each request, as an object of its own."""
    return [DatabaseUnavailable(str(error)) for _ in requests]

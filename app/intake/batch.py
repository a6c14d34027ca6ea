"""Requests that arrive together are admitted together: one look-up, one transaction, one commit.

Each still gets its own verdict, and only after the commit. When any row is refused, nothing of the
batch is kept and each request is admitted alone: a bad row never fails its neighbours, and which
constraint it broke is read where it stands alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sqlalchemy.exc import DataError, IntegrityError

from app import cooperative, log
from app.db import Database
from app.db.schema import Schema, SchemaWatch
from app.errors import DatabaseUnavailable, Deadlocked, SchemaMoved
from app.executions.retention import Retention
from app.intake import admit, store
from app.intake.group_commit import GroupCommit
from app.intake.message import Admission, Request, Verdict
from app.intake.store import AdmissionStore, ExistingExecution, NewExecution, RowRejected
from app.lifecycle import PENDING
from app.stats import outcomes

MOVES_OUTLIVED = 50
"""How often it begins again because a migration changed the schema under it, or of a deadlock.

A migration through all revisions may have the lock at each, and change the columns before we do.
"""
EVENTS_TOGETHER = 128
"""More of them gain nothing, and each waits for the slowest."""
LIGHT_BYTES = 262_144
"""What is more is written elsewhere: it would keep the answering thread for milliseconds."""

Result = list[Verdict] | Exception
Known = dict[tuple[int, str], ExistingExecution]
"""By trigger and key: the executions that stand already."""


@dataclass(frozen=True, slots=True)
class AdmissionRequest:
    """What one request brings."""

    trigger_id: int
    admissions: list[Admission]
    request: Request
    lifetimes: Retention | None = None
    """After which a key counts no more; None: it always does."""


Fresh = tuple[AdmissionRequest, Admission]
"""An event that is to be inserted, and what brought it."""


@dataclass(frozen=True, slots=True)
class BatchAdmission:
    """How a process admits: alone with its database."""

    database: Database
    schema: SchemaWatch
    pre_check: bool

    def admit(self, entries: list[AdmissionRequest]) -> list[Result]:
        """A verdict for each event of each entry, committed; or why there is none."""
        if sum(len(entry.request.body) for entry in entries) > LIGHT_BYTES:
            return cooperative.offload(partial(self._admitted, entries))
        return self._admitted(entries)

    def _admitted(self, entries: list[AdmissionRequest]) -> list[Result]:
        moved: Exception = DatabaseUnavailable("nothing was asked")
        for _ in range(MOVES_OUTLIVED):
            try:
                return list(self._together(self.schema.admitting(), entries))
            except (RowRejected, Deadlocked):
                return cooperative.offload(partial(self._one_by_one, entries))
            except SchemaMoved as error:
                self.schema.forget()
                moved = error
            except DatabaseUnavailable as error:
                return _alike(error, entries)
        return _alike(moved, entries)

    def _together(self, schema: Schema, entries: list[AdmissionRequest]) -> list[list[Verdict]]:
        with store.opened(self.database) as way:
            known, fresh, ids = self._entered(way, schema, entries)
        if ids:
            self.database.notifier.notify()
        made = {}
        for (entry, admission), id_ in zip(fresh, ids, strict=True):
            made[id(admission)] = Verdict(id_, outcomes.ACCEPTED)
            if admission.key is not None:
                known[entry.trigger_id, admission.key] = ExistingExecution(
                    id_, admission.digest, PENDING
                )
        return [_verdicts(entry, made, known) for entry in entries]

    def _entered(
        self, way: AdmissionStore, schema: Schema, entries: list[AdmissionRequest]
    ) -> tuple[Known, list[Fresh], list[int]]:
        """What stood already, and what did not with the ids that it has now."""
        if not self.pre_check:
            fresh = [(entry, each) for entry in entries for each in entry.admissions]
            return {}, fresh, way.insert(schema, _rows(fresh))
        if len(entries) == len(entries[0].admissions) == 1:
            return _entered_alone(way, schema, entries[0])
        known = _standing(way, schema, entries)
        _require_all_count(entries, known)
        fresh = _first_of_each(entries, known)
        return known, fresh, way.insert(schema, _rows(fresh)) if fresh else []

    def _one_by_one(self, entries: list[AdmissionRequest]) -> list[Result]:
        """Each in a transaction of its own; once the database is away, it is for all the rest."""
        results: list[Result] = []
        for entry in entries:
            with log.of(entry.request.request_context):
                result = _caught(partial(self._alone, entry))
            results.append(result)
            if isinstance(result, DatabaseUnavailable):
                return results + _alike(result, entries[len(results) :])
        return results

    def _alone(self, entry: AdmissionRequest) -> list[Verdict]:
        for _ in range(MOVES_OUTLIVED):
            try:
                return self._in_one_transaction(entry, self.schema.admitting())
            except SchemaMoved as error:
                self.schema.forget()
                last = str(error)
            except Deadlocked as error:  # with a request that has the same events in another order
                last = str(error)
        raise DatabaseUnavailable(last)

    def _in_one_transaction(self, entry: AdmissionRequest, schema: Schema) -> list[Verdict]:
        known = self._counting_alone(schema, entry) if self.pre_check else {}
        verdicts = [
            admit.duplicate_verdict(entry.trigger_id, each, known[entry.trigger_id, each.key])
            for each in entry.admissions
            if each.key is not None and (entry.trigger_id, each.key) in known
        ]
        fresh = [
            each
            for each in entry.admissions
            if each.key is None or (entry.trigger_id, each.key) not in known
        ]
        if fresh:
            with self.database.writing() as connection:
                verdicts += [
                    admit.admit_one(
                        connection, schema, entry.trigger_id, each, entry.request, entry.lifetimes
                    )
                    for each in fresh
                ]
            self.database.notifier.notify()
        return verdicts

    def _counting_alone(self, schema: Schema, entry: AdmissionRequest) -> Known:
        with store.opened(self.database) as way:
            return _counting([entry], _standing(way, schema, [entry]))


def opened(
    database: Database, schema: SchemaWatch, *, pre_check: bool
) -> GroupCommit[AdmissionRequest, list[Verdict]]:
    """Admits what comes at the same time in one process together."""
    return GroupCommit(BatchAdmission(database, schema, pre_check).admit, EVENTS_TOGETHER)


def _standing(way: AdmissionStore, schema: Schema, entries: list[AdmissionRequest]) -> Known:
    keys: dict[int, set[str]] = {}
    for entry in entries:
        of_trigger = keys.setdefault(entry.trigger_id, set())
        of_trigger.update(each.key for each in entry.admissions if each.key is not None)
    return {
        (trigger_id, key): standing
        for trigger_id, wanted in keys.items()
        if wanted
        for key, standing in way.find(schema, trigger_id, wanted).items()
    }


def _counting(entries: list[AdmissionRequest], known: Known) -> Known:
    """Those of the keys that still count."""
    lifetimes = {entry.trigger_id: entry.lifetimes for entry in entries}
    return {
        key: standing
        for key, standing in known.items()
        if admit.key_is_live(standing, lifetimes[key[0]])
    }


def _require_all_count(entries: list[AdmissionRequest], known: Known) -> None:
    if len(_counting(entries, known)) < len(known):
        raise RowRejected("a key stands that counts no more: it is given up alone")


def _entered_alone(
    way: AdmissionStore, schema: Schema, entry: AdmissionRequest
) -> tuple[Known, list[Fresh], list[int]]:
    (admission,) = entry.admissions
    found = way.find_or_insert(schema, admit.row(entry.trigger_id, admission, entry.request))
    if not isinstance(found, ExistingExecution):
        return {}, [(entry, admission)], [found]
    assert admission.key is not None  # noqa: S101, without a key nothing stands
    known = {(entry.trigger_id, admission.key): found}
    _require_all_count([entry], known)
    return known, [], []


def _rows(fresh: list[Fresh]) -> list[NewExecution]:
    return [admit.row(entry.trigger_id, each, entry.request) for entry, each in fresh]


def _first_of_each(entries: list[AdmissionRequest], known: Known) -> list[Fresh]:
    """The events to insert: those whose key neither stands nor came earlier in this batch."""
    fresh, seen = [], set(known)
    for entry in entries:
        for admission in entry.admissions:
            if admission.key is not None:
                if (entry.trigger_id, admission.key) in seen:
                    continue
                seen.add((entry.trigger_id, admission.key))
            fresh.append((entry, admission))
    return fresh


def _verdicts(entry: AdmissionRequest, made: dict[int, Verdict], known: Known) -> list[Verdict]:
    """What became of each event of the request: made just now, or standing already."""
    return [made.get(id(each)) or _repeated(entry, each, known) for each in entry.admissions]


def _repeated(entry: AdmissionRequest, admission: Admission, known: Known) -> Verdict:
    assert admission.key is not None  # noqa: S101, an event without a key is always made
    with log.of(entry.request.request_context):  # it may be another thread's
        standing = known[entry.trigger_id, admission.key]
        return admit.duplicate_verdict(entry.trigger_id, admission, standing)


def _caught(work: Callable[[], list[Verdict]]) -> Result:
    try:
        return work()
    except (DatabaseUnavailable, IntegrityError, DataError) as error:
        return error


def _alike(error: Exception, entries: list[AdmissionRequest]) -> list[Result]:
    """The same trouble for each, as an error of its own."""
    return [DatabaseUnavailable(str(error)) for _ in entries]

"""Recognise events that an earlier version admitted under a key in the form of a digest.

Such a key is now stored as its own digest. A redelivery of an event from before would otherwise be
admitted a second time.
"""

from dataclasses import replace

from app.db.schema import Schema
from app.intake import admit
from app.intake.message import Admission, AdmissionRequest
from app.intake.store import ExistingExecution, Statements


def kept(
    admission_store: Statements, schema: Schema, requests: list[AdmissionRequest]
) -> list[AdmissionRequest]:
    """Return the requests, with the former key of each event that was admitted under it.

    The payload must be the stored one: the same text may also be the digest of a long key.
    """
    if not _has_former_key(requests):
        return requests
    return [
        _with_former_keys(admission_store, schema, request)
        if any(each.former_key is not None for each in request.admissions)
        else request
        for request in requests
    ]


def _has_former_key(requests: list[AdmissionRequest]) -> bool:
    """Return whether any event may have been admitted under a former key: hardly ever."""
    for request in requests:
        for each in request.admissions:
            if each.former_key is not None:
                return True
    return False


def _with_former_keys(
    admission_store: Statements, schema: Schema, request: AdmissionRequest
) -> AdmissionRequest:
    keys = {each.former_key for each in request.admissions if each.former_key is not None}
    existing = admission_store.find(schema, request.trigger_id, keys)
    admissions = [
        replace(each, key=each.former_key)
        if _is_same_event(each, existing.get(each.former_key or ""), request)
        else each
        for each in request.admissions
    ]
    return replace(request, admissions=admissions)


def _is_same_event(
    admission: Admission, existing: ExistingExecution | None, request: AdmissionRequest
) -> bool:
    if existing is None or not admit.key_is_live(existing, request.lifetimes):
        return False
    return existing.digest in (None, admission.digest)

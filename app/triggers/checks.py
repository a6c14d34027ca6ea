"""Checks of fields whose validity bounds cannot express; each raises InvalidTrigger. Pure."""

import json
from collections.abc import Mapping
from typing import Any

from app import actions, masking, names
from app.errors import InvalidTrigger
from app.executions import retry_policy
from app.intake import key, sources, verification

LONGEST_NAME = 200


def name(columns: Mapping[str, Any]) -> None:
    """Refuse an empty name and one that is too long."""
    given = columns["name"]
    if not given.strip() or len(given) > LONGEST_NAME:
        raise InvalidTrigger(f"a trigger needs a name of 1 to {LONGEST_NAME} characters")
    if character := names.invisible_character(given):
        raise InvalidTrigger(f"name must not have the invisible character {character}")


def source(columns: Mapping[str, Any]) -> None:
    """Refuse a source that this installation does not know, or that verifies in its own way."""
    _require_own_verification(columns)
    if not sources.known(columns["source"]):
        raise InvalidTrigger(
            f"there is no source {columns['source']!r}; there are {', '.join(sources.names())}"
        )
    if problem := sources.unusable(columns["source"]):
        raise InvalidTrigger(problem)
    key_places(columns)


def key_places(columns: Mapping[str, Any]) -> None:
    """Refuse the source's own id as a part of the key where the source has none.

    Every event would be without a key, and each redelivery would run again.
    """
    of_source = sources.named(columns["source"])
    parts = key.parts(columns["idempotency_key_from"])
    if key.PROVIDER in parts and not of_source.has_event_id:
        sentence = (
            f"the source {of_source.name} has no event id of its own: take the key from "
            "header:<Name>, body:<a.b.c> or hash in place of provider"
        )
        raise InvalidTrigger(sentence, {"idempotency_key_from": sentence})


def action(columns: Mapping[str, Any]) -> None:
    """Refuse an unknown action, and a payload with which the action cannot work.

    A mask that stands for no stored secret would be sent to the target as it is.
    """
    if masks := masking.masked_options(columns["action_payload"]):
        raise InvalidTrigger(f"give the secret itself, not its mask: {', '.join(masks)}")
    kind = columns["action_type"]
    try:
        actions.validate(kind, columns["action_payload"] or "")
    except InvalidTrigger as error:
        if kind in actions.names():
            raise
        raise InvalidTrigger(str(error), {"action_type": str(error)}) from error


def event_filter(columns: Mapping[str, Any]) -> None:
    """Refuse a filter that is no JSON object."""
    try:
        given = json.loads(columns["event_filter"])
    except (ValueError, RecursionError) as error:
        raise InvalidTrigger(f"the event filter is not JSON: {error}") from error
    if not isinstance(given, Mapping):
        raise InvalidTrigger('the event filter must be an object such as {"action": "opened"}')


def retries(columns: Mapping[str, Any]) -> None:
    """Refuse a retry policy with unknown members or numbers out of bounds."""
    if columns["retry_policy"] is not None:
        retry_policy.read(columns["retry_policy"])


def verified(columns: Mapping[str, Any]) -> None:
    """Refuse a description that cannot verify, or whose source verifies in its own way."""
    if columns["verification"] is not None:
        verification.compiled(columns["verification"])
    _require_own_verification(columns)


def _require_own_verification(columns: Mapping[str, Any]) -> None:
    name = columns["source"]
    if columns["verification"] is not None and name not in (None, "custom") and sources.known(name):
        raise InvalidTrigger(
            f"verification is for source 'custom': source {name!r} verifies in its own way"
        )

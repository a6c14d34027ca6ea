"""Find all mistakes in the values of a trigger, so that a person corrects them at once.

The types of values are checked before their meaning. Without these functions a person would learn
of a wrong meaning only after correcting a wrong type.
"""

from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa

from app.db import Database
from app.db.models import triggers
from app.errors import InvalidTrigger
from app.triggers import definition, lookup, manage
from app.triggers.fields import COLUMNS

_DEPENDS_ON = {
    "action_payload": {"action_type"},
    "idempotency_key_from": {"source"},
    "secret": {"source", "verification"},
    "verification": {"source"},
}
"""Fields whose validity depends on other fields."""


def columns_of_new(values: Mapping[str, Any], secret: str | None) -> dict[str, Any]:
    """Return the columns of a new trigger with these values; InvalidTrigger with all mistakes."""
    columns, wrong = definition.stored(values)
    if wrong:
        raise _invalid(of_new({**values, "secret": secret}, ()))
    return columns


def columns_of_changes(
    database: Database, trigger_id: int, values: Mapping[str, Any], secret: str | None
) -> dict[str, Any]:
    """Return the columns that these values change; InvalidTrigger with all mistakes."""
    columns, wrong = definition.stored(values)
    if wrong:
        raise _invalid(of_changes(database, trigger_id, {**values, "secret": secret}, ()))
    return columns


def of_new(valid: Mapping[str, Any], wrong: Collection[str]) -> dict[str, str]:
    """Return the mistakes among these members of a new trigger, whose other members are wrong."""
    values = _judged(valid, wrong)
    secret = values.pop("secret", None)
    columns, found = definition.stored(values)
    every = {name: field.default for name, field in COLUMNS.items()} | columns
    optional = {name: None for name, field in COLUMNS.items() if not field.required}
    judged = _judged(optional | columns, {*wrong, *found}).keys() - {*wrong, *found}
    try:
        definition.require_valid(every, frozenset(judged), secret)
    except InvalidTrigger as error:
        return error.fields | found
    return found


def of_changes(
    database: Database, trigger_id: int, valid: Mapping[str, Any], wrong: Collection[str]
) -> dict[str, str]:
    """Return the mistakes among these members of a change, whose other members are wrong."""
    values = _judged(valid, wrong)
    secret = values.pop("secret", None)
    columns, found = definition.stored(values)
    with database.reading() as connection:
        before = lookup.find_trigger(connection, trigger_id)
    try:
        manage.valid_changes(database, before, columns, secret)
    except InvalidTrigger as error:
        return error.fields | found
    return found


def is_taken(database: Database, name: str, except_id: int | None = None) -> bool:
    """Return True if another trigger has the slug of this name."""
    same = sa.select(triggers.c.id).where(triggers.c.slug == definition.slug(name))
    with database.reading() as connection:
        return connection.scalar(same) not in (None, except_id)


def _judged(valid: Mapping[str, Any], wrong: Collection[str]) -> dict[str, Any]:
    """Return the members that depend on no wrong one."""
    doubtful = {name for name, needed in _DEPENDS_ON.items() if needed & set(wrong)}
    return {name: value for name, value in valid.items() if name not in doubtful}


def _invalid(mistakes: Mapping[str, str]) -> InvalidTrigger:
    return InvalidTrigger("; ".join(dict.fromkeys(mistakes.values())), mistakes)

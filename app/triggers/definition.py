"""The values that describe a trigger, and one sentence for each that cannot work."""

import re
from collections.abc import Mapping
from typing import Any

from app.errors import InvalidTrigger
from app.intake import key, sources, verification
from app.intake.sources import secret_formats
from app.triggers.fields import COLUMNS, LONGEST_SECRET

KEY_FROM = "idempotency_key_from"


class NewTrigger:
    """A trigger to be created: a value for each declared column, as the column stores it."""

    def __init__(self, *, name: str, secret: str | None = None, **columns: Any) -> None:
        """Keep the columns; a column that is left out has its declared default.

        `secret`: None for a random one.
        """
        unknown = columns.keys() - COLUMNS.keys()
        if unknown:
            raise TypeError(f"a trigger has no column {sorted(unknown)[0]!r}")
        self.name = name
        self.secret = secret
        self._columns = {"name": name, **columns}

    def columns(self) -> dict[str, Any]:
        """Return the columns that describe it, with its slug; the secret is not one of them."""
        defaults = {each: field.default for each, field in COLUMNS.items()}
        columns = defaults | self._columns | {"slug": slug(self.name)}
        return columns | {KEY_FROM: key_from(columns)}


def key_from(columns: Mapping[str, Any]) -> str | None:
    """Return the chosen places of the key; if none is chosen, those of the trigger's source."""
    return columns[KEY_FROM] or key.of_new_trigger(sources.named(columns["source"]))


def slug(name: str) -> str:
    """Return the name in the form that commands and logs use: `Order Paid!` is `order-paid`."""
    return re.sub(r"[^\w]+", "-", name.strip().lower()).strip("-") or "trigger"


def older_slug(name: str) -> str:
    """Return the slug as the older system made it: `v1.2 is_out` is `v12-is-out`."""
    letters = re.sub(r"[^\w\s-]", "", name.strip().lower())
    return re.sub(r"[\s_-]+", "-", letters).strip("-")


def stored(values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the values as their columns store them, and a sentence for each that none can."""
    columns: dict[str, Any] = {}
    mistakes: dict[str, str] = {}
    for name, value in values.items():
        try:
            columns[name] = COLUMNS[name].stored(value)
        except InvalidTrigger as error:
            mistakes[name] = str(error)
    return columns, mistakes


def require_valid(
    columns: Mapping[str, Any],
    changed: frozenset[str] | None = None,
    secret: str | None = None,
) -> None:
    """Return if a trigger with these columns can work; else raise InvalidTrigger with all mistakes.

    Only the `changed` columns are checked where they are given: a row of an older system keeps
    its oddities. `secret`: a new one, which must be of the form that the source needs.
    """
    checks = {
        field.check or field.require_valid: name  # the payload's, which the action's type shares
        for name, field in COLUMNS.items()
        if changed is None or name in changed
    }
    mistakes = []
    fields: dict[str, str] = {}
    for check, name in checks.items():
        try:
            check(columns)
        except InvalidTrigger as error:
            mistakes.append(str(error))
            fields |= error.fields or {name: str(error)}
    if not fields.keys() & {"source", "verification"}:  # the form of the secret depends on them
        try:
            require_secret(secret, columns["source"], columns["verification"])
        except InvalidTrigger as error:
            mistakes.append(str(error))
            fields |= error.fields
    if mistakes:
        raise InvalidTrigger("; ".join(dict.fromkeys(mistakes)), fields)


def require_secret(secret: str | None, source: str | None, description: str | None = None) -> None:
    """Return if it can be a secret of this source, or is None; else raise InvalidTrigger.

    `description`: the trigger's own verification.
    """
    if secret is None:
        return
    if not 0 < len(secret) <= LONGEST_SECRET:
        sentence = f"a secret has 1 to {LONGEST_SECRET} characters"
        raise InvalidTrigger(sentence, {"secret": sentence})
    mistake = secret_formats.mistake(source or "", secret)
    if description is not None:
        mistake = verification.compiled(description).mistake(secret)
    if mistake:
        raise InvalidTrigger(mistake, {"secret": mistake})

"""One field of a trigger as it is declared, and its value as the column stores it. Pure."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from app import names
from app.errors import InvalidTrigger
from app.intake import key

Kind = Literal[
    "text",
    "choice",
    "integer",
    "number",
    "flag",
    "object",
    "text_or_object",
    "key_places",
    "secret",
]
"""The form of a value: `object` is JSON, stored as text; `key_places` is one text or a list."""
GROUPS = {
    "sender": "Sender",
    "events": "Events",
    "action": "Action",
    "retries": "Retries after a transient failure",
    "retention": "Retention of finished executions",
    "origin": "Kept for older systems",
}
"""Parts of the form in their order, each with its legend."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Field:
    """A field of a trigger that a person sets.

    The API, its OpenAPI description, the form, the options of `trigger add` and `trigger edit`,
    the YAML file and docs/triggers.md are made from it.
    """

    name: str
    """Its name in the API and in the file, and the name of its column."""
    kind: Kind
    group: str
    """The key of GROUPS under which the form shows it."""
    label: str
    help: str
    """Sentences for the form, `--help`, OpenAPI and docs; code stands between backticks."""
    default: Any = None
    """The value stored when none is given; None is NULL, and makes the field nullable."""
    default_text: str = ""
    """The effect of the default in words; empty where the value itself says it."""
    unit: str = ""
    example: Any = None
    required: bool = False
    shortest: int | None = None
    longest: int | None = None
    """Bounds of the number of characters."""
    least: int | None = None
    most: int | None = None
    """Bounds of a number."""
    choices: Mapping[str, str] | None = None
    """The values of a `choice`, each with the words of the form."""
    known_values: Callable[[], list[str]] | None = None
    """Return the names that this installation knows; the form offers them."""
    check: Callable[[Mapping[str, Any]], None] | None = None
    """A check of its own instead of the bounds: it takes all columns and raises InvalidTrigger."""
    option: str = ""
    """The option of the command line; empty: it has none."""
    option_required: bool = False
    option_in_days: bool = False
    """The option takes days, the column keeps seconds."""
    file_key: str | None = ""
    """The key in the YAML file where it is not the name; None: the file cannot say it."""
    editable: bool = True
    """False: the edit form and `trigger edit` lack it, another command or button changes it."""

    @property
    def nullable(self) -> bool:
        return self.default is None and not self.required

    @property
    def default_in_words(self) -> str:
        if self.required:
            return ""
        return self.default_text or ("" if self.default is None else str(self.default))

    @property
    def description(self) -> str:
        """The help with unit and default, as OpenAPI, the form and `--help` show it."""
        default = f" Default: {self.default_in_words}." if self.default_in_words else ""
        return f"{self.help}{default}"

    @property
    def limits(self) -> str:
        """The bounds in words; empty where there are none."""
        if self.choices:
            return ", ".join(self.choices)
        if self.least is not None or self.most is not None:
            return f"{self.least} to {self.most:,}"
        if self.longest is not None:
            bound = f"{self.shortest} to" if self.shortest else "at most"
            return f"{bound} {self.longest:,} characters"
        return ""

    def stored(self, value: Any) -> Any:
        """Return the value as the column keeps it; None becomes the default.

        Raises InvalidTrigger for an object that JSON cannot express and for a place that cannot
        hold an idempotency key.
        """
        if value is None:
            return self.default
        if self.kind == "key_places":
            try:
                return key_text(_places(self.name, value))
            except InvalidTrigger as error:
                raise InvalidTrigger(str(error), {self.name: str(error)}) from error
        if isinstance(value, dict):
            return self._json(value)
        if self.kind == "object":
            return value or self.default or value
        # An integer that a float cannot hold is left to the check of the bounds.
        if self.kind == "number" and isinstance(value, int) and abs(value) < 2**63:
            return float(value)
        return value

    def require_valid(self, columns: Mapping[str, Any]) -> None:
        """Raise InvalidTrigger unless the value among these columns is within the bounds."""
        value = columns[self.name]
        if value is None:
            return
        if self.kind == "text" and (character := names.invisible_character(value)):
            raise InvalidTrigger(f"{self.name} must not have the invisible character {character}")
        if self.choices is not None and value not in self.choices:
            raise InvalidTrigger(f"{self.name} must be one of {', '.join(self.choices)}")
        # Written so that NaN is outside any bounds.
        if self.least is not None and self.most is not None:
            if not self.least <= value <= self.most:
                raise InvalidTrigger(f"{self.name} is a number from {self.least} to {self.most}")
        elif self.longest is not None and not (self.shortest or 0) <= len(value) <= self.longest:
            raise InvalidTrigger(f"{self.name} must have {self.limits}")

    def _json(self, value: dict[str, Any]) -> str:
        try:
            return json.dumps(value, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise InvalidTrigger(
                f"{self.name} holds a value that JSON cannot express: {error}; quote it"
            ) from error


def key_text(places: Sequence[str]) -> str | None:
    """Return the places of a key as they are stored: one as it is, several as a JSON list."""
    if len(places) > 1:
        return json.dumps(places)
    return places[0] if places else None


def _places(name: str, value: Any) -> tuple[str, ...]:
    places = tuple(value) if isinstance(value, list | tuple) else (value,) if value else ()
    if not all(isinstance(place, str) for place in places):
        raise InvalidTrigger(f"{name} must be text or a list of texts")
    key.require_valid(places)
    return places

"""The members of the trigger schemas, made from the declaration of a trigger's fields."""

import dataclasses
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypedDict, TypeVar, cast, get_args

from app.triggers.field import Field
from app.triggers.fields import COLUMNS, FIELDS
from app.web.api.schemas.values import Description, JsonObject, Text, Word
from app.web.validation import Constraints

Shape = TypeVar("Shape", bound=type)
_CHANGED = (
    "A new secret, such as one that the sender made. It needs the role admin; the old one stays "
    "valid for HOOKONCE_SECRET_GRACE_SECONDS. Null or left out: the secret stays."
)


def new_trigger(shape: Shape) -> Shape:
    """Make the class the schema of a new trigger: a member for each field, with its default."""
    members = {field.name: _given(field) for field in FIELDS}
    defaults = {
        field.name: None if field.nullable or _is_object(field) else field.default
        for field in FIELDS
        if not field.required
    }
    return _dataclass(shape, members, defaults)


def trigger_changes(shape: Shape) -> Shape:
    """Make the class the schema of a change: a member for each field, none of them required."""
    members = {field.name: _given(field) for field in FIELDS}
    kind, limits = members["secret"], _CHANGED
    members["secret"] = Annotated[get_args(kind)[0], Description(limits)]
    return _dataclass(shape, members, dict.fromkeys(members))


def answered(name: str, description: str, more: Mapping[str, Any]) -> Any:
    """Return the schema of a trigger in a response: its columns, and `more` beside them."""
    members = {each: _shown(field) for each, field in COLUMNS.items()}
    schema = TypedDict(name, {**members, **more})  # type: ignore[misc]
    schema.__doc__ = description
    return schema


def _dataclass(shape: Shape, members: dict[str, Any], defaults: dict[str, Any]) -> Shape:
    shape.__annotations__ = members
    for name, default in defaults.items():
        setattr(shape, name, default)
    return cast(Shape, dataclasses.dataclass(frozen=True, kw_only=True)(shape))


def _given(field: Field) -> Any:
    """Return the annotation of the field in a request."""
    kind = _plain(field)
    if _is_object(field):
        kind = JsonObject | Text | None
    elif field.nullable:
        kind = kind | None
    return Annotated[kind, Description(field.description, field.example)]


def _shown(field: Field) -> Any:
    """Return the annotation of the field in a response."""
    kinds: dict[str, Any] = {
        "choice": str,
        "flag": bool,
        "integer": int,
        "key_places": list[str],
        "number": float,
        "object": JsonObject,
        "text": str,
        "text_or_object": str | None,
    }
    nullable = field.nullable and field.kind != "key_places"
    kind = kinds[field.kind] | None if nullable else kinds[field.kind]
    return Annotated[kind, Description(field.description)]


def _plain(field: Field) -> Any:
    bounds = Constraints(field.least, field.most, field.shortest, field.longest)
    kinds: dict[str, Any] = {
        "choice": Literal[tuple(field.choices or ())],
        "flag": bool,
        "integer": Annotated[int, bounds],
        "key_places": list[Word] | Word,
        "number": Annotated[float, bounds],
        "object": JsonObject,
        "secret": Annotated[str, bounds],
        "text": Annotated[str, bounds],
        "text_or_object": JsonObject,
    }
    return kinds[field.kind]


def _is_object(field: Field) -> bool:
    return field.kind in ("object", "text_or_object")

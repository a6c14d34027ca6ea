"""Convert a query string or JSON body to a dataclass, with one sentence per invalid field."""

import dataclasses
import re
import types
import typing
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, Literal, TypeVar, get_args, get_origin

from app.errors import InvalidRequest
from app.intake import strict_json

Shape = TypeVar("Shape")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_NAMES: dict[Any, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "an object",
}
_INTEGER = re.compile(r"-?[0-9]{1,19}")
_TRUE, _FALSE = ("true", "1", "yes", "on"), ("false", "0", "no", "off")


@dataclass(frozen=True, slots=True)
class Constraints:
    """Limits of a number's value, of the length of a text or list, and the form of a text."""

    least: float | None = None
    most: float | None = None
    shortest: int | None = None
    longest: int | None = None
    pattern: str | None = None
    form: str | None = None
    """`format` of the value in the OpenAPI document, such as `date-time`; not checked."""
    tolerant: bool = False
    """True for a query parameter that never fails: a number beyond its limits becomes the nearest
    one, and a value that cannot be read becomes the default."""


def split(kind: Any) -> tuple[Any, Constraints]:
    """Return an annotation's type and its limits."""
    if get_origin(kind) is typing.Annotated:
        plain, *extras = get_args(kind)
        return plain, next(
            (each for each in extras if isinstance(each, Constraints)), Constraints()
        )
    return kind, Constraints()


def query(shape: type[Shape], parameters: Mapping[str, str | list[str]]) -> Shape:
    """Return the query parameters as an instance of `shape`.

    Raises InvalidRequest, listing every unknown parameter and every invalid value.
    """
    hints, mistakes = _hints(shape), _unknown(shape, parameters)
    values: dict[str, Any] = {}
    for name in parameters.keys() & hints.keys():
        if split(hints[name])[1].tolerant:
            values |= _tolerated(name, parameters[name], hints[name])
            continue
        try:
            text = _single(name, parameters[name])
            value = _from_text(name, text, hints[name])
            values[name] = _validated(name, value, hints[name])
        except InvalidRequest as error:
            mistakes.append(str(error))
    return _build(shape, values, mistakes)


Others = Callable[[Mapping[str, Any], Collection[str]], Mapping[str, str]]
"""Return the mistakes among valid members, given the names of the wrong ones."""


def media(
    shape: type[Shape],
    text: bytes,
    ignored: Iterable[str] = (),
    *,
    wrong: Mapping[str, str] | None = None,
    others: Others | None = None,
) -> tuple[Shape, frozenset[str]]:
    """Return the JSON object as an instance of `shape`, and the names of the members it contains.

    Members in `ignored` are accepted and have no effect. `wrong`: mistakes that are known before.
    If there is a mistake, `others` finds those of the members of the right kind; by default it is
    the shape's `other_mistakes`.

    Raises Unreadable for invalid JSON, and InvalidRequest listing every mistake otherwise.
    """
    members = _object(text)
    members = {name: value for name, value in members.items() if name not in set(ignored)}
    hints, mistakes, values = _hints(shape), _unknown(shape, members), {}
    of_fields = dict(wrong or {})
    for name in sorted(members.keys() & hints.keys()):
        try:
            values[name] = _validated(name, members[name], hints[name])
        except InvalidRequest as error:
            of_fields[name] = str(error)
    others = others or getattr(shape, "other_mistakes", None)
    if others is not None and (mistakes or of_fields or _missing(shape, values)):
        of_fields = {**others(values, of_fields), **of_fields}
    mistakes += of_fields.values()
    return _build(shape, values, mistakes, of_fields), frozenset(values)


def _object(text: bytes) -> dict[str, Any]:
    if not text:
        return {}
    value = strict_json.loads(text)
    if not isinstance(value, dict):
        raise InvalidRequest("the body must be a JSON object")
    return value


def _hints(shape: type) -> dict[str, Any]:
    return typing.get_type_hints(shape, include_extras=True)


def _unknown(shape: type, names: Iterable[str]) -> list[str]:
    known = [field.name for field in fields(shape)]
    unknown = sorted(set(names).difference(known))
    return [f"unknown field {name!r}; known fields: {', '.join(known)}" for name in unknown]


def _build(
    shape: type[Shape],
    values: dict[str, Any],
    mistakes: list[str],
    of_fields: Mapping[str, str] | None = None,
) -> Shape:
    assert dataclasses.is_dataclass(shape)  # noqa: S101, every caller passes a dataclass
    invalid = " ".join(mistakes)
    missing = {
        name: f"{name} is missing" for name in _missing(shape, values) if name not in invalid
    }
    if mistakes or missing:
        sentences = "; ".join([*mistakes, *missing.values()])
        raise InvalidRequest(sentences, {**missing, **(of_fields or {})})
    return typing.cast(Shape, shape(**values))


def _missing(shape: type, values: Mapping[str, Any]) -> list[str]:
    """Return the names of the required members that have no value."""
    return [
        field.name
        for field in fields(shape)
        if field.default is MISSING
        and field.default_factory is MISSING
        and field.name not in values
    ]


def _single(name: str, value: str | list[str]) -> str:
    if isinstance(value, list):
        raise InvalidRequest(f"{name} may be given only once")
    return value


def _tolerated(name: str, value: str | list[str], kind: Any) -> dict[str, Any]:
    """Return the parameter within its limits, the first if it is repeated; {} for its default."""
    text = value if isinstance(value, str) else value[0]
    plain, limits = split(kind)
    try:
        parsed = _from_text(name, text.strip(), plain)
    except InvalidRequest:
        return {}
    if isinstance(parsed, int) and not isinstance(parsed, bool):
        parsed = int(min(max(parsed, limits.least or 0), limits.most or parsed))
    return {name: parsed}


def _from_text(name: str, text: str, kind: Any) -> Any:
    """Convert a query parameter, which is always text, to the bool or int that the field needs."""
    plain, _ = split(_without_none(kind))
    if plain is bool:
        if text.lower() not in (*_TRUE, *_FALSE):
            raise InvalidRequest(f"{name} must be true or false")
        return text.lower() in _TRUE
    if plain is int:
        if not _INTEGER.fullmatch(text):
            raise InvalidRequest(f"{name} must be a whole number")
        return int(text)
    return text


def _validated(name: str, value: Any, kind: Any) -> Any:
    """Return the value if it is valid for the annotation `kind`; else InvalidRequest."""
    plain, limits = split(kind)
    if get_origin(plain) in (typing.Union, types.UnionType):
        if value is None and type(None) in get_args(plain):
            return None
        choices = [each for each in get_args(plain) if each is not type(None)]
        if len(choices) == 1:
            return _validated(name, value, choices[0])
        return _any_of(name, value, choices)
    if plain is Any:
        return _require_storable(name, value)
    if get_origin(plain) is Literal:
        if not isinstance(value, str) or value not in get_args(plain):
            raise InvalidRequest(f"{name} must be one of {', '.join(map(str, get_args(plain)))}")
        return value
    if get_origin(plain) is list:
        if not isinstance(value, list):
            raise InvalidRequest(f"{name} must be a list")
        return [
            _validated(name, each, get_args(plain)[0]) for each in _require_few(name, value, limits)
        ]
    if get_origin(plain) is dict:
        if not isinstance(value, dict):
            raise InvalidRequest(f"{name} must be an object")
        return _require_storable(name, value)
    return _require_within(name, _scalar(name, value, plain), limits)


def _any_of(name: str, value: Any, choices: list[Any]) -> Any:
    for choice in choices:
        plain, _ = split(choice)
        expected = get_origin(plain) or plain
        if isinstance(expected, type) and isinstance(value, expected):
            return _validated(name, value, choice)
    kinds = [get_origin(plain) or plain for plain in (split(each)[0] for each in choices)]
    raise InvalidRequest(f"{name} must be {' or '.join(_NAMES[kind] for kind in kinds)}")


def _scalar(name: str, value: Any, kind: type) -> Any:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value) if abs(value) < 2**63 else value
    if isinstance(value, bool) is not (kind is bool) or not isinstance(value, kind):
        raise InvalidRequest(f"{name} must be {_NAMES[kind]}")
    return _require_storable(name, value)


def _require_within(name: str, value: Any, limits: Constraints) -> Any:
    if isinstance(value, str):
        shortest, longest = limits.shortest or 0, limits.longest
        if len(value) < shortest or (longest is not None and len(value) > longest):
            bound = f"at most {longest}" if not shortest else f"{shortest} to {longest}"
            raise InvalidRequest(f"{name} must have {bound} characters")
        if limits.pattern is not None and not re.search(limits.pattern, value):
            raise InvalidRequest(f"{name} must match {limits.pattern}")
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        if limits.least is not None and not value >= limits.least:
            raise InvalidRequest(f"{name} must be at least {limits.least:g}")
        if limits.most is not None and not value <= limits.most:
            raise InvalidRequest(f"{name} must be at most {limits.most:.15g}")
    return value


def _require_few(name: str, value: list[Any], limits: Constraints) -> list[Any]:
    if limits.longest is not None and len(value) > limits.longest:
        raise InvalidRequest(f"{name} must have at most {limits.longest} items")
    return value


def _require_storable(name: str, value: Any) -> Any:
    """Refuse NUL and lone surrogates, also inside JSON: PostgreSQL stores neither."""
    if any(_UNSTORABLE.search(text) for text in _texts(value)):
        raise InvalidRequest(f"{name} contains a character that cannot be stored")
    return value


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def _without_none(kind: Any) -> Any:
    plain, _ = split(kind)
    if get_origin(plain) in (typing.Union, types.UnionType):
        return next(each for each in get_args(plain) if each is not type(None))
    return kind

"""What a request says, read into the shape that its operation asks for: a sentence per mistake."""

import dataclasses
import re
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
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
    """How small and large a number, or how long a text, may be."""

    least: float | None = None
    most: float | None = None
    shortest: int | None = None
    longest: int | None = None
    pattern: str | None = None
    form: str | None = None
    """The name of what is written here, for those who read the description: `date-time`."""


def split(kind: Any) -> tuple[Any, Constraints]:
    """The plain kind of an annotation, and its limits."""
    if get_origin(kind) is typing.Annotated:
        plain, *extras = get_args(kind)
        return plain, next(
            (each for each in extras if isinstance(each, Constraints)), Constraints()
        )
    return kind, Constraints()


def query(shape: type[Shape], given: Mapping[str, str | list[str]]) -> Shape:
    """The query string in this shape.

    Raises InvalidRequest, with all mistakes, for names it has not and values that do not fit.
    """
    hints, mistakes, read = _hints(shape), _unknown(shape, given), {}
    for name in given.keys() & hints.keys():
        value = given[name]
        try:
            text = _once(name, value)
            read[name] = _fitting(name, _from_text(name, text, hints[name]), hints[name])
        except InvalidRequest as error:
            mistakes.append(str(error))
    return _made(shape, read, mistakes)


def media(
    shape: type[Shape], text: bytes, ignored: Iterable[str] = ()
) -> tuple[Shape, frozenset[str]]:
    """The JSON object in this shape, and the names of the members that it has.

    Members in `ignored` may stand there and say nothing.

    Raises Unreadable for what is no JSON, else InvalidRequest with all mistakes.
    """
    given = _object(text)
    given = {name: value for name, value in given.items() if name not in set(ignored)}
    hints, mistakes, read = _hints(shape), _unknown(shape, given), {}
    for name in given.keys() & hints.keys():
        try:
            read[name] = _fitting(name, given[name], hints[name])
        except InvalidRequest as error:
            mistakes.append(str(error))
    return _made(shape, read, mistakes), frozenset(read)


def _object(text: bytes) -> dict[str, Any]:
    if not text.strip():
        return {}
    found = strict_json.loads(text)
    if not isinstance(found, dict):
        raise InvalidRequest("the body must be a JSON object")
    return found


def _hints(shape: type) -> dict[str, Any]:
    return typing.get_type_hints(shape, include_extras=True)


def _unknown(shape: type, given: Iterable[str]) -> list[str]:
    known = [field.name for field in fields(shape)]
    return [
        f"there is no {name!r}; there are {', '.join(known)}"
        for name in sorted(given)
        if name not in known
    ]


def _made(shape: type[Shape], read: dict[str, Any], mistakes: list[str]) -> Shape:
    assert dataclasses.is_dataclass(shape)  # noqa: S101, shapes are ours
    missing = [
        f"{field.name} is missing"
        for field in fields(shape)
        if field.default is MISSING and field.default_factory is MISSING and field.name not in read
    ]
    said = " ".join(mistakes)
    mistakes += [each for each in missing if each.split()[0] not in said]
    if mistakes:
        raise InvalidRequest("; ".join(mistakes))
    return typing.cast(Shape, shape(**read))


def _once(name: str, value: str | list[str]) -> str:
    if isinstance(value, list):
        raise InvalidRequest(f"{name} may be given only once")
    return value


def _from_text(name: str, text: str, kind: Any) -> Any:
    """The words of a query string are all text; what they mean, the shape says."""
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


def _fitting(name: str, value: Any, kind: Any) -> Any:
    """The value, if it fits the kind; InvalidRequest with what would."""
    plain, limits = split(kind)
    if get_origin(plain) in (typing.Union, types.UnionType):
        if value is None and type(None) in get_args(plain):
            return None
        choices = [each for each in get_args(plain) if each is not type(None)]
        if len(choices) == 1:
            return _fitting(name, value, choices[0])
        return _any_of(name, value, choices)
    if plain is Any:
        return _storable(name, value)
    if get_origin(plain) is Literal:
        if not isinstance(value, str) or value not in get_args(plain):
            raise InvalidRequest(f"{name} must be one of {', '.join(map(str, get_args(plain)))}")
        return value
    if get_origin(plain) is list:
        if not isinstance(value, list):
            raise InvalidRequest(f"{name} must be a list")
        return [_fitting(name, each, get_args(plain)[0]) for each in _few(name, value, limits)]
    if get_origin(plain) is dict:
        if not isinstance(value, dict):
            raise InvalidRequest(f"{name} must be an object")
        return _storable(name, value)
    return _within(name, _scalar(name, value, plain), limits)


def _any_of(name: str, value: Any, choices: list[Any]) -> Any:
    for choice in choices:
        plain, _ = split(choice)
        wanted = get_origin(plain) or plain
        if isinstance(wanted, type) and isinstance(value, wanted):
            return _fitting(name, value, choice)
    kinds = [get_origin(plain) or plain for plain in (split(each)[0] for each in choices)]
    raise InvalidRequest(f"{name} must be {' or '.join(_NAMES[kind] for kind in kinds)}")


def _scalar(name: str, value: Any, kind: type) -> Any:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value) if abs(value) < 2**63 else value
    if isinstance(value, bool) is not (kind is bool) or not isinstance(value, kind):
        raise InvalidRequest(f"{name} must be {_NAMES[kind]}")
    return _storable(name, value)


def _within(name: str, value: Any, limits: Constraints) -> Any:
    if isinstance(value, str):
        shortest, longest = limits.shortest or 0, limits.longest
        if len(value) < shortest or (longest is not None and len(value) > longest):
            bound = f"at most {longest}" if not shortest else f"{shortest} to {longest}"
            raise InvalidRequest(f"{name} must have {bound} characters")
        if limits.pattern is not None and not re.search(limits.pattern, value):
            raise InvalidRequest(f"{name} must look like {limits.pattern}")
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        if limits.least is not None and not value >= limits.least:
            raise InvalidRequest(f"{name} must be at least {limits.least:g}")
        if limits.most is not None and not value <= limits.most:
            raise InvalidRequest(f"{name} must be at most {limits.most:.15g}")
    return value


def _few(name: str, value: list[Any], limits: Constraints) -> list[Any]:
    if limits.longest is not None and len(value) > limits.longest:
        raise InvalidRequest(f"{name} must have at most {limits.longest} items")
    return value


def _storable(name: str, value: Any) -> Any:
    """PostgreSQL takes no NUL, and neither database a lone surrogate; not even inside JSON."""
    if any(_UNSTORABLE.search(text) for text in _texts(value)):
        raise InvalidRequest(f"{name} holds a character that cannot be stored")
    return value


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inside in value.items():
            yield name
            yield from _texts(inside)
    elif isinstance(value, list):
        for inside in value:
            yield from _texts(inside)


def _without_none(kind: Any) -> Any:
    plain, _ = split(kind)
    if get_origin(plain) in (typing.Union, types.UnionType):
        return next(each for each in get_args(plain) if each is not type(None))
    return kind

"""Find the secrets among the options of an action: JSON of any shape. Pure."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any

from app.masking import text as texts
from app.masking.names import is_harmless_name, is_listed_name, is_secret_name

Place = tuple[str, ...]
"""The names that lead to a secret; the last one is its own name."""
Replace = Callable[[Place, Any], Any]
"""A function from the place and value of a secret to the value that takes its place."""
MESSAGES = frozenset({"text", "number"})
"""Options with words for a person, which may hold any address."""
_NAMED_BY = ("name", "key", "header", "field", "param", "k")
"""Members that name the member `value` beside them."""
_VALUES = ("value", "values", "v", "content")
_NAME = re.compile(r"[\w.-]{1,100}")


class Scope(Enum):
    """The rule for the values within an option."""

    OPEN = "shown unless the name is that of a secret"
    LISTED = "shown if the name is harmless"
    HIDDEN = "never shown"


def replaced(value: Any, replace: Replace) -> Any:
    """Return the value with `replace(place, secret)` in place of each secret."""
    return _Walk(replace).value(value, (), Scope.OPEN)


class _Walk:
    def __init__(self, replace: Replace) -> None:
        self._replace = replace

    def value(self, value: Any, place: Place, scope: Scope) -> Any:
        if isinstance(value, dict):
            return self._members(value, place, scope)
        if isinstance(value, list):
            return self._items(value, place, scope)
        if scope is Scope.HIDDEN:
            return self._secret(value, place)
        if not isinstance(value, str) or (place and place[-1] in MESSAGES):
            return value
        listed = scope is Scope.LISTED
        return self._text(texts.line_pieces(value) if listed else texts.pieces(value), place)

    def _secret(self, value: Any, place: Place) -> Any:
        if value is None or isinstance(value, bool) or value == "":
            return value
        return self._replace(place, value)

    def _members(self, members: dict[str, Any], place: Place, scope: Scope) -> dict[str, Any]:
        if scope is Scope.OPEN and _naming(members) not in ("", "key", "k"):
            return self._named(members, place, scope)
        return {
            key: self.value(value, (*place, key), _scope_of(key, scope, value))
            for key, value in members.items()
        }

    def _named(self, pair: dict[str, Any], place: Place, scope: Scope) -> dict[str, Any]:
        """Return an object such as {"name": "X-Auth", "value": ...} without a secret value."""
        naming = _naming(pair)
        name = str(pair[naming])
        if is_listed_name(naming) and scope is Scope.OPEN:
            scope = Scope.LISTED
        result = {}
        for key, value in pair.items():
            known = naming if key == naming else name if key in _VALUES else key
            inner = Scope.OPEN if key == naming else _scope_of(known, scope, value)
            result[key] = self.value(value, (*place, known), inner)
        return result

    def _items(self, items: list[Any], place: Place, scope: Scope) -> list[Any]:
        if scope is Scope.OPEN and _is_pair(items) and is_secret_name(items[0]):
            return self._pair(items, place, scope)
        names = [_name_of(item) for item in items]
        counts: Counter[str] = Counter()
        result = []
        for number, (name, item) in enumerate(zip(names, items, strict=True)):
            counts[name] += 1
            at = (*place, name, f"{counts[name]} of {names.count(name)}", *place[-1:])
            before = items[number - 1] if number else ""
            result.append(self._item(item, at, scope, before=before))
        return result

    def _item(self, item: Any, place: Place, scope: Scope, *, before: Any) -> Any:
        if scope is not Scope.HIDDEN and isinstance(item, dict) and _naming(item):
            return self._named(item, place, scope)
        if scope is not Scope.HIDDEN and isinstance(item, list) and _is_pair(item):
            return self._pair(item, place, scope)
        if scope is Scope.OPEN and isinstance(item, str):
            option = before if isinstance(before, str) else ""
            return self._text(texts.argument_pieces(item, option), place)
        return self.value(item, place, scope)

    def _pair(self, pair: list[Any], place: Place, scope: Scope) -> list[Any]:
        name, value = pair
        return [name, self.value(value, (*place, name), _scope_of(name, scope, value))]

    def _text(self, found: Iterator[texts.Piece], place: Place) -> str:
        listed = list(found)
        totals = Counter(piece.name for piece in listed)
        counts: Counter[str] = Counter()

        def secret(name: str, text: str) -> str:
            counts[name] += 1
            number = f"{counts[name]} of {totals[name]}"
            return str(self._replace((*place, number, name), text))

        return texts.replaced(iter(listed), secret)


def _scope_of(name: str, scope: Scope, value: Any) -> Scope:
    """Return the rule for the value of this name, found under the rule `scope`."""
    if scope is Scope.HIDDEN:
        return scope
    if scope is Scope.LISTED:
        if is_harmless_name(name):
            return Scope.OPEN
        nested = isinstance(value, dict | list) and not is_secret_name(name)
        return Scope.LISTED if nested else Scope.HIDDEN
    if is_secret_name(name):
        return Scope.HIDDEN
    return Scope.LISTED if is_listed_name(name) else Scope.OPEN


def _naming(members: dict[str, Any]) -> str:
    """Return the member with the name of the `value` beside it; "" if there is none."""
    if not any(each in members for each in _VALUES):
        return ""
    return next((each for each in _NAMED_BY if _is_name(members.get(each))), "")


def _is_pair(items: list[Any]) -> bool:
    return len(items) == 2 and _is_name(items[0]) and not isinstance(items[1], dict | list)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def _name_of(item: Any) -> str:
    """Return the name of a pair or of an object with a name: its place does not change then."""
    if isinstance(item, list):
        return str(item[0]) if _is_pair(item) else ""
    naming = _naming(item) if isinstance(item, dict) else ""
    return str(item[naming]) if naming else ""

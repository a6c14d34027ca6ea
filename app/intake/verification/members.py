"""Read the members of a description; one sentence names the member that is wrong. Pure."""

import re
from collections.abc import Collection, Mapping
from typing import Any, NoReturn

from app.errors import InvalidTrigger

FIELD = "verification"
LONGEST_TEXT = 500
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
"""The form of a header's name: RFC 9110, 5.6.2."""


class Members:
    """The members of a description; each is read once, and what is left over is refused."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._left = dict(given)
        self._known: list[str] = []

    def text(self, name: str, default: str = "") -> str:
        """Return a text without control characters; the default if it is not given."""
        value = self.value(name)
        if value is None:
            return default
        if not isinstance(value, str) or len(value) > LONGEST_TEXT or not value.isprintable():
            refuse(name, f"must be printable text of at most {LONGEST_TEXT} characters")
        return value

    def required_text(self, name: str, purpose: str) -> str:
        """Return a text that is not empty."""
        value = self.text(name)
        if not value:
            refuse(name, f"is missing: {purpose}")
        return value

    def header(self, name: str, default: str = "") -> str:
        """Return the name of a header; empty if it is not given and has no default."""
        value = self.text(name, default)
        if value and not _HEADER.fullmatch(value):
            refuse(name, f"must be the name of a header, not {value!r}")
        return value

    def choice(self, name: str, choices: Collection[str], default: str = "") -> str:
        """Return one of the choices."""
        value = self.text(name, default)
        if value not in choices:
            refuse(name, f"must be one of {', '.join(choices)}")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a text or a list of texts; empty if it is not given."""
        value = self.value(name)
        values = () if value is None else tuple(value) if isinstance(value, list) else (value,)
        if not all(isinstance(each, str) and each for each in values):
            refuse(name, "must be text or a list of texts, none of them empty")
        if value is not None and not values:
            refuse(name, "must not be an empty list")
        return values

    def seconds(self, name: str) -> float | None:
        """Return a number of seconds above 0; None if it is not given."""
        value = self.value(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e9:
            refuse(name, "must be a number of seconds above 0")
        return float(value)

    def value(self, name: str) -> Any:
        """Return a member of any type; None if it is not given."""
        self._known.append(name)
        return self._left.pop(name, None)

    def require_none_left(self, method: str) -> None:
        """Raise InvalidTrigger if a member was given that this method does not have."""
        for name in self._left:
            problem = f"is not a member of the method {method}; there are {', '.join(self._known)}"
            refuse(str(name)[:100], problem)


def refuse(name: str, mistake: str) -> NoReturn:
    """Raise InvalidTrigger with a sentence on this member."""
    raise InvalidTrigger(f"{FIELD}: {name} {mistake}")

"""What the API can do, declared once: path, role, what is taken and given.

Routes, validation, access and the OpenAPI document all come from these declarations. A handler
says by its parameters what it needs: those of its path, and any of `query`, `body`, `said` (the
names of the body's members), `actor`, `person`, `req` and `resp`; annotations say of which shape.
"""

import re
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.web.auth import Rule
from app.web.validation import Constraints, split

Handler = Callable[..., Any]
_PARAMETER = re.compile(r"{(\w+)}")


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path."""

    method: str
    path: str
    rule: Rule
    handle: Handler
    status: int
    may_answer: tuple[int, ...]
    """Statuses beside the one of success and those that every operation may have."""
    ignores: tuple[str, ...]
    """Members that a body may have without saying anything by it."""

    @property
    def name(self) -> str:
        return self.handle.__name__

    @property
    def summary(self) -> str:
        return (self.handle.__doc__ or "").strip()

    @property
    def shapes(self) -> dict[str, Any]:
        """The annotation of each parameter, and of `return`."""
        return typing.get_type_hints(self.handle, include_extras=True)

    @property
    def path_parameters(self) -> list[str]:
        return _PARAMETER.findall(self.path)

    @property
    def route(self) -> str:
        """The path as the router takes it: a number out of bounds is no such path."""
        return _PARAMETER.sub(lambda found: self._converter(found[1]), self.path)

    def _converter(self, parameter: str) -> str:
        kind, limits = split(self.shapes[parameter])
        if kind is not int:
            raise TypeError(f"{self.path}: {parameter} must be a number within limits")
        return f"{{{parameter}:int({_bounds(limits)})}}"


def _bounds(limits: Constraints) -> str:
    return f"min={int(limits.least or 0)}, max={int(limits.most or 0)}"


Declare = Callable[[Handler], Handler]


class Operations:
    """The operations of one module, in the order in which they are declared."""

    def __init__(self) -> None:
        self.declared: list[Operation] = []

    def get(self, path: str, rule: Rule, **more: Any) -> Declare:
        return self._declare("GET", path, rule, **more)

    def post(self, path: str, rule: Rule, **more: Any) -> Declare:
        return self._declare("POST", path, rule, **more)

    def put(self, path: str, rule: Rule, **more: Any) -> Declare:
        return self._declare("PUT", path, rule, **more)

    def patch(self, path: str, rule: Rule, **more: Any) -> Declare:
        return self._declare("PATCH", path, rule, **more)

    def delete(self, path: str, rule: Rule, **more: Any) -> Declare:
        return self._declare("DELETE", path, rule, **more)

    def _declare(
        self,
        method: str,
        path: str,
        rule: Rule,
        status: int = 200,
        may_answer: tuple[int, ...] = (),
        ignores: tuple[str, ...] = (),
    ) -> Declare:
        def declare(handler: Handler) -> Handler:
            self.declared.append(
                Operation(method, path, rule, handler, status, may_answer, ignores)
            )
            return handler

        return declare

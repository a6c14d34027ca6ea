"""Declare the API's operations once: path, access rule, parameters and result.

Routes, validation, access rules and the OpenAPI document are made from these declarations. The
parameters of a handler state its input: those of its path, and any of `query`, `body`,
`sent_fields` (the names of the members that the body contains), `actor`, `identity`, `req` and
`resp`. Their annotations state the types.
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
    """One method of one path of the API."""

    method: str
    path: str
    rule: Rule
    handle: Handler
    status: int
    may_answer: tuple[int, ...]
    """Error statuses of this operation beyond those that every operation may return."""
    ignores: tuple[str, ...]
    """Members that a body may contain although they have no effect."""

    @property
    def name(self) -> str:
        return self.handle.__name__

    @property
    def tag(self) -> str:
        """The room of the operation: the module that declares it, in words."""
        return self.handle.__module__.rpartition(".")[2].replace("_", " ")

    @property
    def summary(self) -> str:
        return (self.handle.__doc__ or "").strip()

    @property
    def shapes(self) -> dict[str, Any]:
        """The type of each parameter, and of `return`."""
        return typing.get_type_hints(self.handle, include_extras=True)

    @property
    def path_parameters(self) -> list[str]:
        return _PARAMETER.findall(self.path)

    @property
    def route(self) -> str:
        """The path in Falcon's syntax; a number outside its limits is answered 404."""
        return _PARAMETER.sub(lambda match: self._converter(match[1]), self.path)

    def _converter(self, parameter: str) -> str:
        kind, limits = split(self.shapes[parameter])
        if kind is not int:
            raise TypeError(f"{self.path}: {parameter} must be a number within limits")
        return f"{{{parameter}:int({_bounds(limits)})}}"


def _bounds(limits: Constraints) -> str:
    return f"min={int(limits.least or 0)}, max={int(limits.most or 0)}"


Declare = Callable[[Handler], Handler]


class Operations:
    """The operations that one module declares, in order."""

    def __init__(self) -> None:
        self.declared: list[Operation] = []

    def get(self, path: str, rule: Rule, **options: Any) -> Declare:
        return self._declare("GET", path, rule, **options)

    def post(self, path: str, rule: Rule, **options: Any) -> Declare:
        return self._declare("POST", path, rule, **options)

    def put(self, path: str, rule: Rule, **options: Any) -> Declare:
        return self._declare("PUT", path, rule, **options)

    def patch(self, path: str, rule: Rule, **options: Any) -> Declare:
        return self._declare("PATCH", path, rule, **options)

    def delete(self, path: str, rule: Rule, **options: Any) -> Declare:
        return self._declare("DELETE", path, rule, **options)

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

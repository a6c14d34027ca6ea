"""The API described for programs, OpenAPI 3.1, made from the declarations that run it.

https://spec.openapis.org/oas/v3.1.1
"""

import dataclasses
import types
import typing
from collections.abc import Sequence
from typing import Any, Literal, get_args, get_origin

from app.web.api import webhook_operations
from app.web.api.operations import Operation
from app.web.api.schemas import members
from app.web.api.schemas.values import Description
from app.web.auth import PUBLIC
from app.web.validation import Constraints, split

_PLAIN: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
}
_ALWAYS = (500, 503)
_SENTENCES = {
    400: "The request cannot be read.",
    401: "No token, or one that is no good.",
    403: "The role is too small, or a browser's session came without its CSRF token.",
    404: "There is no such thing.",
    405: "The path has no such method.",
    409: "Another has this name.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    422: "A value does not fit; the detail names each.",
    429: "Too soon, or too often.",
    500: "The service failed.",
    503: "The database is away, or a migration is due.",
}


def document(operations: Sequence[Operation], title: str, version: str) -> dict[str, Any]:
    """Return the whole description: the operations of the API, and the addresses of webhooks."""
    schemas = _Schemas()
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(
            operation, schemas
        )
    error = {
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": {"type": "string", "description": "The error as one word."},
            "detail": {"type": "string", "description": members.EVERYWHERE["detail"]},
        },
    }
    tags = dict.fromkeys(each.tag for each in operations)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version, "summary": "What people and programs may do."},
        "tags": [{"name": tag} for tag in (*tags, webhook_operations.TAG)],
        "paths": paths | webhook_operations.paths(),
        "components": {
            "schemas": {"Error": error, **schemas.made},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(operation: Operation, schemas: "_Schemas") -> dict[str, Any]:
    shapes = operation.shapes
    described: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary.splitlines()[0],
        "description": operation.summary,
        "x-role": operation.rule,
        "security": [] if operation.rule == PUBLIC else [{"token": []}],
        "parameters": _parameters(operation, schemas),
        "responses": _answers(operation, schemas),
    }
    if "body" in shapes:
        body = schemas.of(shapes["body"])
        content = {"application/json": {"schema": body} | _example(shapes["body"])}
        required = _has_required(shapes["body"])
        described["requestBody"] = {"required": required, "content": content}
    return described


def _parameters(operation: Operation, schemas: "_Schemas") -> list[dict[str, Any]]:
    shapes = operation.shapes
    of_path = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": schemas.of(shapes[name]),
            "description": members.EVERYWHERE.get(name, ""),
        }
        for name in operation.path_parameters
    ]
    if "query" not in shapes:
        return of_path
    hints = typing.get_type_hints(shapes["query"], include_extras=True)
    of_query = [
        {
            "name": field.name,
            "in": "query",
            "required": field.default is dataclasses.MISSING,
            "schema": schemas.of(_without_none(hints[field.name])),
            "description": members.description(shapes["query"], field.name) or "",
        }
        for field in dataclasses.fields(shapes["query"])
    ]
    return of_path + of_query


def _answers(operation: Operation, schemas: "_Schemas") -> dict[str, Any]:
    given = operation.shapes["return"]
    good: dict[str, Any] = {"description": "Done."}
    if given is not type(None):
        good["content"] = {"application/json": {"schema": schemas.of(given)}}
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    bad = {
        str(status): {"description": _SENTENCES[status], "content": content}
        for status in sorted({*_troubles(operation), *operation.may_answer, *_ALWAYS})
    }
    return {str(operation.status): good, **bad}


def _troubles(operation: Operation) -> set[int]:
    shapes, found = operation.shapes, set()
    if operation.rule != PUBLIC:
        found |= {401, 403}
    if operation.path_parameters:
        found |= {404}
    if "query" in shapes:
        found |= {422}
    if "body" in shapes:
        found |= {400, 413, 415, 422}
    return found


def _example(shape: Any) -> dict[str, Any]:
    example = members.EXAMPLES.get(shape.__name__)
    return {} if example is None else {"example": example}


def _has_required(shape: Any) -> bool:
    return any(
        field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        for field in dataclasses.fields(shape)
    )


def _without_none(kind: Any) -> Any:
    plain, limits = split(kind)
    if get_origin(plain) in (typing.Union, types.UnionType) and not limits.tolerant:
        rest = [each for each in get_args(plain) if each is not type(None)]
        return rest[0] if len(rest) == 1 else kind
    return kind


class _Schemas:
    """JSON Schemas of our types; a named type stands among the components once."""

    def __init__(self) -> None:
        self.made: dict[str, Any] = {}

    def of(self, kind: Any) -> dict[str, Any]:
        plain, limits = split(kind)
        if limits.tolerant:
            return _tolerant(limits)
        return self._plain(plain) | _limited(limits) | _described(kind)

    def _plain(self, kind: Any) -> dict[str, Any]:
        if kind is Any:
            return {}
        if kind in _PLAIN:
            return dict(_PLAIN[kind])
        origin = get_origin(kind)
        if origin is Literal:
            return {"type": "string", "enum": list(get_args(kind))}
        if origin in (typing.Union, types.UnionType):
            return {"anyOf": [self.of(each) for each in get_args(kind)]}
        if origin is list:
            return {"type": "array", "items": self.of(get_args(kind)[0])}
        if origin is dict:
            return {"type": "object", "additionalProperties": self.of(get_args(kind)[1])}
        return self._named(kind)

    def _named(self, kind: Any) -> dict[str, Any]:
        name = kind.__name__
        if name not in self.made:
            self.made[name] = {}  # a type may speak of itself
            self.made[name] = self._members(kind)
        return {"$ref": f"#/components/schemas/{name}"}

    def _members(self, kind: Any) -> dict[str, Any]:
        hints = typing.get_type_hints(kind, include_extras=True)
        if dataclasses.is_dataclass(kind):
            required = [
                field.name
                for field in dataclasses.fields(kind)
                if field.default is dataclasses.MISSING
                and field.default_factory is dataclasses.MISSING
            ]
        else:
            required = sorted(kind.__required_keys__)
        return {
            "type": "object",
            "description": (kind.__doc__ or "").strip(),
            "properties": {name: self.member(kind, name, hint) for name, hint in hints.items()},
            "required": required,
        }

    def member(self, kind: Any, name: str, hint: Any) -> dict[str, Any]:
        """Return the schema of a member with its description."""
        schema = self.of(hint)
        text = members.description(kind, name)
        return schema if text is None or "description" in schema else schema | {"description": text}


def _tolerant(limits: Constraints) -> dict[str, Any]:
    """Return the schema of a parameter that takes any text: its values are named for people."""
    values = (
        "true or false" if limits.most is None else f"{limits.least or 0:g} to {limits.most:.15g}"
    )
    text = f"{values}; a number beyond is corrected, another text is ignored"
    texts = {"type": "array", "items": {"type": "string"}}
    return {"anyOf": [{"type": "string"}, texts], "description": text}


def _limited(limits: Constraints) -> dict[str, Any]:
    words = {
        "minimum": limits.least,
        "maximum": limits.most,
        "minLength": limits.shortest,
        "maxLength": limits.longest,
        "pattern": limits.pattern,
        "format": limits.form,
    }
    return {word: value for word, value in words.items() if value is not None}


def _described(kind: Any) -> dict[str, Any]:
    if get_origin(kind) is not typing.Annotated:
        return {}
    described: dict[str, Any] = {}
    for each in get_args(kind)[1:]:
        if isinstance(each, Description):
            described["description"] = each.text
            if each.example is not None:
                described["examples"] = [each.example]
    return described

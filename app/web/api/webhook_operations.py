"""Describe the addresses of webhooks for OpenAPI, from the sources and the errors of receiving.

Their handlers are no operations of the API: a sender calls them, without a token.
"""

from typing import Any

from app.errors import DatabaseUnavailable, Unverified
from app.intake import sources
from app.intake.message import FORBIDDEN, FORM, NO_CONTENT, OK
from app.settings import Settings
from app.triggers.address import WEBHOOKS
from app.web import errors, webhook
from app.web.api import webhook_headers
from app.web.auth import PUBLIC

TAG = "webhooks"
_ERROR = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
_SECONDS = {"schema": {"type": "integer"}, "example": int(errors.RETRY_AFTER_SECONDS)}
_RETRY_AFTER = {
    "Retry-After": {"description": "Seconds to wait before the next delivery.", **_SECONDS}
}
_ID = {
    "name": "trigger_id",
    "in": "path",
    "required": True,
    "description": "Id of the trigger. An unknown one is answered like a wrong signature.",
    "schema": {"type": "string", "pattern": "^[^/]+$"},
    "example": "7",
}
_SECRET = {
    "name": "secret",
    "in": "path",
    "required": True,
    "description": "Secret of the trigger, for senders that sign nothing; others ignore it.",
    "schema": {"type": "string", "minLength": 1},
    "example": "s3cret",
}
_PATHS = {
    f"{WEBHOOKS}{{trigger_id}}": ("", (_ID,)),
    f"{WEBHOOKS}{{trigger_id}}/{{secret}}": ("_with_secret", (_ID, _SECRET)),
}


def paths() -> dict[str, dict[str, Any]]:
    """Return the paths of webhooks with their methods."""
    return {
        path: {
            "post": _operation(f"receive_webhook{suffix}", parameters) | _received(parameters),
            "get": _operation(f"verify_webhook{suffix}", parameters) | _verified(parameters),
            "head": _operation(f"probe_webhook{suffix}", parameters) | _probed(),
        }
        for path, (suffix, parameters) in _PATHS.items()
    }


def _operation(name: str, parameters: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    return {
        "operationId": name,
        "tags": [TAG],
        "x-role": PUBLIC,
        "security": [],
        "parameters": list(parameters),
    }


def _received(parameters: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    summary = "Receive a webhook: admit each of its events once."
    return {
        "summary": summary,
        "description": f"{summary} A sender proves the trigger's secret as its source demands:\n\n"
        + "\n".join(map(_source, sources.built_in())),
        "parameters": [*parameters, *_headers()],
        "requestBody": {
            "required": False,
            "description": "One event, or several where the sender batches them; not compressed. A "
            "body of another type is kept as text or base64.",
            "content": {
                "application/json": {"schema": {}, "example": {"event": "paid", "id": "e-1"}},
                FORM: {
                    "schema": {"type": "object", "additionalProperties": {"type": "string"}},
                    "example": {"payload": "paid"},
                },
                "*/*": {"schema": {"type": "string", "format": "binary"}},
            },
        },
        "responses": _admitted() | _refused(),
    }


def _source(name: str) -> str:
    facts = sources.named(name).facts
    parts = [facts.signature, f"events: {facts.events}", f"tests of the address: {facts.handshake}"]
    return f"- {name}: {'; '.join(parts)}; response: {facts.answer}"


def _headers() -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "header",
            "required": False,
            "description": f"Read for a trigger of source {', '.join(names)}.",
            "schema": {"type": "string"},
        }
        for name, names in webhook_headers.readers().items()
    ]


def _admitted() -> dict[str, Any]:
    committed = "Every event is committed, was admitted before (a duplicate), or is filtered out"
    return {
        str(OK.status): {
            "description": f"{committed}. A test of the address gets what its sender expects.",
            "content": {"application/json": {"schema": {}, "example": OK.body}},
        },
        str(NO_CONTENT.status): {"description": f"{committed}, of a sender that expects no body."},
    }


def _refused() -> dict[str, Any]:
    refused = Settings().hookonce_refusal_status
    everyone = "An unknown or disabled trigger gets the same. HOOKONCE_REFUSAL_STATUS may be 200."
    kinds = {status: _sentence(kind) for kind, (status, _) in errors.REFUSALS.items()}
    sentences = {
        refused: f"{_sentence(Unverified)} {everyone}",
        415: webhook.UNCOMPRESSED,
        500: "Nothing is acknowledged: an unexpected error of ours.",
        503: f"Nothing is acknowledged. {_sentence(DatabaseUnavailable)}",
    }
    described = {
        str(status): {"description": text, "content": _ERROR}
        for status, text in sorted({**kinds, **sentences}.items())
    }
    for status in ("500", "503"):
        described[status]["headers"] = _RETRY_AFTER
    return described


def _verified(parameters: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    summary = "Answer a sender that asks if the address is the operator's."
    greeting = [name for name in sources.built_in() if sources.named(name).greeting]
    names = ("hub.mode", "hub.verify_token", "hub.challenge")
    query = [
        {
            "name": name,
            "in": "query",
            "required": name == "hub.mode",
            "description": f"As the sender of {', '.join(greeting)} sends it.",
            "schema": {"type": "string"},
        }
        for name in names
    ]
    facts = [sources.named(name).facts.handshake for name in greeting]
    return {
        "summary": summary,
        "description": f"{summary} {'; '.join(facts)}.",
        "parameters": [*parameters, *query],
        "responses": {
            "200": {
                "description": "The challenge, as text.",
                "content": {"text/plain": {"schema": {"type": "string"}}},
            },
            str(FORBIDDEN.status): {"description": "The token is wrong.", "content": _ERROR},
            "405": {
                "description": "There is no hub.mode: a redirect made a GET of a POST.",
                "content": _ERROR,
            },
            **{status: each for status, each in _refused().items() if status >= "500"},
        },
    }


def _probed() -> dict[str, Any]:
    summary = "Answer a sender that checks an address before it saves it."
    return {
        "summary": summary,
        "description": f"{summary} The same for every id: nothing is looked up.",
        "responses": {"200": {"description": "An address of webhooks."}},
    }


def _sentence(kind: type[Exception]) -> str:
    """Return the first paragraph of the error's docstring."""
    return " ".join((kind.__doc__ or "").split("\n\n")[0].split())

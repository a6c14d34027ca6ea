"""Rows and payloads as they may be shown: the one list of what is secret. Pure.

Nothing here changes what is stored; `app.intake.redact` removes secrets before an event is stored.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from app import clock
from app.errors import InvalidTrigger
from app.masking import values
from app.masking.names import SECRET_COLUMNS, is_harmless_name, is_secret_name
from app.masking.text import MASK
from app.masking.values import Place
from app.tolerant_json import json_object, json_value

if TYPE_CHECKING:  # a command without a database loads no SQLAlchemy
    import sqlalchemy as sa

__all__ = ["MASK", "SECRET_COLUMNS", "is_harmless_name", "is_secret_name"]
_NO_TARGET = frozenset({"headers", *values.MESSAGES, "timeout_seconds"})
"""Options that do not decide where an action sends its secrets."""
_PORTS = {"http": 80, "https": 443}
_AUDITED = ("before", "after")
"""Columns of the audit log that hold a changed row as JSON."""
_DUE = ("next_attempt_at", "next_send_at")
"""Columns in which a time of 1970 or before means "due at once", and nothing to a person."""
_ALWAYS_DUE = datetime(1970, 1, 1, tzinfo=UTC)


def masked(payload: str | None) -> str | None:
    """Return the action's payload with its secrets masked.

    Shown are the options whose names are no secret's, and of headers and query parameters only the
    harmless ones. An object too deep to look through is masked whole.
    """
    if not payload:
        return payload
    try:
        return _text(payload, values.replaced(_options(payload), lambda _place, _secret: MASK))
    except RecursionError:
        return MASK


def restored(payload: str, stored: str | None, *, same_action: bool = True) -> str:
    """Return the payload with each masked option as it is in the stored payload.

    Raises InvalidTrigger where the stored secret would go elsewhere: to another action, to a URL
    with another scheme, host or port, or beside any other changed option that may decide where.
    A person who may change the target would learn the secret otherwise.
    """
    if MASK not in payload or payload == MASK != masked(stored):
        return payload
    if same_action and stored is not None and payload == masked(stored):
        return stored
    try:
        masks = masked_options(payload)
        if not masks or not stored:
            return payload
        if not same_action or _target(payload) != _target(stored):
            raise InvalidTrigger(
                f"the action's target changes, so give the secret anew: {', '.join(masks)}"
            )
        return _text(payload, _restore(payload, stored))
    except RecursionError:
        raise InvalidTrigger(
            "the options are nested too deeply to restore masked ones: give the secret anew"
        ) from None


def masked_options(payload: str | None) -> list[str]:
    """Return the names of the options that hold the mask in place of a secret."""
    return [place[-1] for place, secret in _secrets(payload) if secret == MASK and place]


def secrets_of(payload: str | None) -> list[str]:
    """Return the secrets of an action's payload; an object too deep to look through is one."""
    try:
        return [str(secret) for _, secret in _secrets(payload)]
    except RecursionError:
        return [payload or ""]


def shown_headers(text: str | None) -> dict[str, Any]:
    """Return stored headers, masked but for harmless names: earlier versions stored more."""
    headers = json_object(text) or {}
    return {name: value if is_harmless_name(name) else MASK for name, value in headers.items()}


def public(row: "sa.Row[Any] | Mapping[Any, Any]") -> dict[str, Any]:
    """Return the row's values without secrets, with times as the API writes them."""
    columns = row if isinstance(row, Mapping) else row._mapping
    shown = {name: value for name, value in columns.items() if name not in SECRET_COLUMNS}
    if "action_payload" in shown:
        shown["action_payload"] = masked(shown["action_payload"])
    for name in _AUDITED:
        if isinstance(shown.get(name), str):
            shown[name] = _audited(shown[name])
    for name in _DUE:
        due_at = shown.get(name)
        if isinstance(due_at, datetime) and due_at.astimezone(UTC) <= _ALWAYS_DUE:
            shown[name] = None
    return {
        name: clock.text(value) if hasattr(value, "astimezone") else value
        for name, value in shown.items()
    }


def _audited(text: str) -> str:
    """Return the changed row in an audit row: earlier versions masked fewer secrets."""
    row = json_object(text) or {}
    payload = row.get("action_payload")
    if not isinstance(payload, str) or masked(payload) == payload:
        return text
    return json.dumps(row | {"action_payload": masked(payload)})


def _options(payload: str) -> Any:
    """Return the payload's JSON; any other text as the option that the actions take it for."""
    value = json_value(payload)
    if isinstance(value, dict | list):
        return value
    url = payload.strip().lower().startswith(("http://", "https://"))
    return {"url" if url else "command": payload}


def _text(payload: str, options: Any) -> str:
    """Return the options as text again, in the form that the payload has."""
    if isinstance(json_value(payload), dict | list):
        return json.dumps(options, ensure_ascii=False)
    (text,) = options.values()
    return str(text)


def _secrets(payload: str | None) -> list[tuple[Place, Any]]:
    found = []

    def keep(place: Place, secret: Any) -> Any:
        found.append((place, secret))
        return secret

    if payload:
        values.replaced(_options(payload), keep)
    return found


def _restore(payload: str, stored: str) -> Any:
    before = dict(_secrets(stored))

    def restore(place: Place, secret: Any) -> Any:
        return before.get(place, secret) if secret == MASK else secret

    return values.replaced(_options(payload), restore)


def _target(payload: str) -> Any:
    """Return all that may decide where a secret goes: a URL's origin, and any other option."""
    options = _options(payload)
    return _deciding(options, values.replaced(options, lambda _place, _secret: MASK))


def _deciding(value: Any, shown: Any, name: str = "") -> Any:
    """Return the deciding part of the masked value `shown`; only the origin is read unmasked."""
    if isinstance(value, dict):
        names = (each for each in value.keys() - _NO_TARGET if shown[each] != MASK)
        return {each: _deciding(value[each], shown[each], each) for each in names}
    if isinstance(value, list):
        return [_deciding(each, masked, name) for each, masked in zip(value, shown, strict=True)]
    return _origin(value) if name == "url" and isinstance(value, str) else shown


def _origin(url: str) -> object:
    """Return scheme, host and port, read by the parser of the client that calls the URL."""
    from urllib3.exceptions import LocationParseError  # slow to load
    from urllib3.util import parse_url

    try:
        parsed = parse_url(url)
    except LocationParseError:
        return url
    return parsed.scheme, parsed.host, parsed.port or _PORTS.get(parsed.scheme or "")

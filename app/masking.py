"""Rows and payloads as they may be shown: the one list of names that are secret. Pure."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from app import clock
from app.errors import InvalidTrigger
from app.tolerant_json import json_object

SECRET_COLUMNS = frozenset(
    {
        "secret",
        "previous_secret",
        "sealed_secret",
        "sealed_previous_secret",
        "token_hash",
        "session_hash",
        "csrf_token",
    }
)
"""Columns that no response and no audit row shows, in any table."""
MASK = "********"
"""The text shown in place of a secret; sent back unchanged, it keeps the stored secret."""
_SECRET_NAME = re.compile(
    r"secret|password|token|cookie|auth|api[-_]?key|signature|hmac", re.IGNORECASE
)
"""The words that make a name secret; `auth` covers Authorization and every `*-auth-*`."""
_NO_TARGET = frozenset({"headers", "number", "text", "timeout_seconds"})
"""Options that do not decide where an action sends its secrets."""
_PORTS = {"http": 80, "https": 443}
NAMES_REMEMBERED = 1024
"""Verdicts on names that are kept in memory: senders choose the names of their headers."""


@lru_cache(maxsize=NAMES_REMEMBERED)
def is_secret_name(name: str) -> bool:
    """Return True if a header, option or field of this name holds a secret.

    A request's header of such a name is not stored; an action's option of such a name is masked.
    """
    return _SECRET_NAME.search(name) is not None


def masked(payload: str | None) -> str | None:
    """Return the action's payload with the secrets among its options masked.

    Text that is no JSON object is returned as it is; an object too deep to look through is masked
    whole.
    """
    options = json_object(payload)
    if options is None:
        return payload
    try:
        return json.dumps(_mask(options), ensure_ascii=False)
    except RecursionError:
        return MASK


def restored(payload: str, stored: str | None, *, same_action: bool = True) -> str:
    """Return the payload with each masked option as it is in the stored payload.

    Raises InvalidTrigger where the stored secret would go elsewhere: to another action, to a URL
    with another scheme, host or port, or beside any other changed option that may decide where.
    Whoever may change the target would learn the secret otherwise.
    """
    options, before = json_object(payload), json_object(stored)
    if MASK not in payload or (options is None and payload != MASK):
        return payload
    if same_action and stored is not None and payload == masked(stored):
        return stored
    try:
        masks = masked_options(payload)
        if not masks or before is None:
            return payload
        if not same_action or _target(options) != _target(before):
            raise InvalidTrigger(
                f"the action's target changes, so give the secret anew: {', '.join(masks)}"
            )
        return json.dumps(_restore(options, before), ensure_ascii=False)
    except RecursionError:
        raise InvalidTrigger(
            "the options are nested too deeply to restore masked ones: give the secret anew"
        ) from None


def masked_options(payload: str | None) -> list[str]:
    """Return the names of the options that hold the mask in place of a secret."""
    return list(_masks(json_object(payload)))


def _masks(value: Any) -> Iterator[str]:
    for name, each in value.items() if isinstance(value, dict) else ():
        if each == MASK and is_secret_name(name):
            yield name
        yield from _masks(each)


def _target(value: Any, name: str = "") -> Any:
    """Return all that may decide where a secret goes: a URL's origin, and any other option."""
    if isinstance(value, dict):
        kept = value.keys() - _NO_TARGET
        return {key: _target(value[key], key) for key in kept if not is_secret_name(key)}
    return _origin(value) if name == "url" and isinstance(value, str) else value


def _origin(url: str) -> object:
    """Return scheme, host and port, read by the parser of the client that calls the URL."""
    try:
        parsed = parse_url(url)
    except LocationParseError:
        return url
    return parsed.scheme, parsed.host, parsed.port or _PORTS.get(parsed.scheme or "")


def _mask(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _mask(each, key) for key, each in value.items()}
    return MASK if isinstance(value, str) and value and is_secret_name(name) else value


def _restore(value: Any, before: Any, name: str = "") -> Any:
    if isinstance(value, dict) and isinstance(before, dict):
        return {key: _restore(each, before.get(key), key) for key, each in value.items()}
    masks = value == MASK and is_secret_name(name)
    return before if masks and isinstance(before, str) else value


def public(row: sa.Row[Any] | Mapping[Any, Any]) -> dict[str, Any]:
    """Return the row's values without secrets, with times as the API writes them."""
    values = row._mapping if isinstance(row, sa.Row) else row
    shown = {name: value for name, value in values.items() if name not in SECRET_COLUMNS}
    if "action_payload" in shown:
        shown["action_payload"] = masked(shown["action_payload"])
    return {
        name: clock.text(value) if hasattr(value, "astimezone") else value
        for name, value in shown.items()
    }

"""A file of triggers, read into what it declares; one sentence names the entry that cannot be."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from app import settings
from app.errors import HookonceError, InvalidTrigger
from app.intake import key, sources
from app.triggers import apply_file, definition
from app.triggers.apply_file import DeclaredTrigger

MEMBERS: dict[str, tuple[type, ...]] = {
    "name": (str,),
    "type": (str,),
    "source": (str,),
    "event_filter": (dict,),
    "action_type": (str,),
    "action_payload": (str, dict),
    "agent": (str,),
    "enabled": (bool,),
    "secret_env": (str,),
    "idempotency_key_from": (str, list),
    "missing_key": (str,),
    "tolerance_seconds": (int, float),
    "retry_policy": (dict,),
    "max_concurrency": (int,),
    "keep_payload_seconds": (int, float),
    "keep_rows_seconds": (int, float),
}
"""What an entry may say, as the API calls it; `secret_env` names a variable of the environment."""
_IN_WORDS = {
    str: "text",
    dict: "a mapping",
    bool: "true or false",
    list: "a list of texts",
    int: "a whole number",
    float: "a number",
}


def read(path: Path) -> list[DeclaredTrigger]:
    """What the file declares, all of it fit to be applied.

    Raises InvalidTrigger with one sentence for the first entry that is not.
    """
    entries = _entries(path)
    found: dict[str, DeclaredTrigger] = {}
    for number, entry in enumerate(entries, 1):
        where = f"{path.name}, entry {number}"
        if isinstance(entry, dict) and isinstance(entry.get("name"), str):
            where += f" ({entry['name']!r})"
        try:
            read_entry = _entry(entry)
        except HookonceError as error:
            raise InvalidTrigger(f"{where}: {error}") from error
        if read_entry.slug in found:
            raise InvalidTrigger(f"{where}: an entry before it is {read_entry.slug!r} too")
        found[read_entry.slug] = read_entry
    return list(found.values())


def _entries(path: Path) -> list[Any]:
    try:
        said = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError, ValueError) as error:
        raise InvalidTrigger(f"{path} cannot be read: {' '.join(str(error).split())}") from error
    entries = said.get("triggers") if isinstance(said, dict) and set(said) == {"triggers"} else None
    if not isinstance(entries, list):
        raise InvalidTrigger(f"{path.name} must hold `triggers:` with a list, and nothing else")
    return entries


def _entry(entry: Any) -> DeclaredTrigger:
    if not isinstance(entry, dict):
        raise InvalidTrigger("it must be a mapping with a name")
    for name, value in entry.items():
        _require_fitting(name, value)
    if "name" not in entry:
        raise InvalidTrigger("name is missing")
    read_entry = DeclaredTrigger(definition.slug(entry["name"]), _columns(entry), _secret(entry))
    apply_file.require_valid(read_entry, sources.names())
    return read_entry


def _require_fitting(name: Any, value: Any) -> None:
    if name not in MEMBERS:
        raise InvalidTrigger(f"there is no {name!r}; there are {', '.join(MEMBERS)}")
    kinds = MEMBERS[name]
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        raise InvalidTrigger(f"{name} must be {' or '.join(_IN_WORDS[kind] for kind in kinds)}")


def _columns(entry: Mapping[str, Any]) -> dict[str, Any]:
    """As they are stored."""
    columns = {
        name: _text(value) if isinstance(value, dict) else value
        for name, value in entry.items()
        if name not in ("secret_env", "idempotency_key_from")
    }
    if "idempotency_key_from" in entry:
        given = entry["idempotency_key_from"]
        parts = tuple(given) if isinstance(given, list) else (given,)
        if not all(isinstance(part, str) for part in parts):
            raise InvalidTrigger("idempotency_key_from must be text or a list of texts")
        key.require_valid(parts)
        columns["idempotency_key_from"] = definition.key_text(parts)
    if "tolerance_seconds" in columns:
        columns["tolerance_seconds"] = float(columns["tolerance_seconds"])
    return columns


def _text(value: dict[str, Any]) -> str:
    try:
        return json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidTrigger(f"it holds what JSON cannot say: {error}; quote it") from error


def _secret(entry: Mapping[str, Any]) -> str | None:
    """What the variable holds; without `secret_env` a secret is made up, and never changed."""
    name = entry.get("secret_env")
    if name is None:
        return None
    found = settings.secret_named(name)
    if found is None:
        raise InvalidTrigger(f"secret_env names {name}, which is not set")
    return found

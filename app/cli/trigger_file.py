"""Read a YAML file of triggers; one sentence names the first entry that is wrong."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from app import settings
from app.errors import HookonceError, InvalidTrigger
from app.triggers import apply_file, definition
from app.triggers.apply_file import DeclaredTrigger
from app.triggers.field import Field, Kind
from app.triggers.fields import COLUMNS, FIELDS

LISTS = {"triggers": None, "webhooks": "webhook", "events": "event"}
"""Lists of a file, each with the type of its triggers: the file of the older system has the last
two, which may be empty."""
KEYS: dict[str, Field] = {
    field.file_key or field.name: field for field in FIELDS if field.file_key is not None
}
"""Keys of an entry. They are the API's names but for `secret_env`, which names a variable of the
environment: no secret stands in the file."""
_TYPES: dict[Kind, tuple[type, ...]] = {
    "text": (str,),
    "choice": (str,),
    "integer": (int,),
    "number": (int, float),
    "flag": (bool,),
    "object": (dict,),
    "text_or_object": (str, dict),
    "key_places": (str, list),
    "secret": (str,),
}
_IN_WORDS = {
    str: "text",
    dict: "a mapping",
    bool: "true or false",
    list: "a list of texts",
    int: "a whole number",
    float: "a number",
}


class _Loader(yaml.SafeLoader):
    """Read a file without losing the first of two equal keys, and name the line of any mistake."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """Refuse a key that is there twice; YAML would keep the last."""
        node = super().compose_mapping_node(anchor)
        keys = [key for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        seen: set[tuple[str, str]] = set()
        for key in keys:
            if (key.tag, key.value) in seen and key.value != "<<":
                raise _mistake(f"the key {key.value!r} is there twice", key)
            seen.add((key.tag, key.value))
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Refuse a value that its tag does not fit, such as the date 2024-13-45."""
        try:
            return super().construct_object(node, deep=deep)
        except (ArithmeticError, AttributeError, LookupError, ValueError) as error:
            raise _mistake(f"the value is no {node.tag.rpartition(':')[2]}", node) from error


def _mistake(problem: str, node: yaml.Node) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)


def read(path: Path) -> list[DeclaredTrigger]:
    """Return the triggers that the file declares, each of them valid.

    Raises InvalidTrigger with one sentence for the first entry that is not.
    """
    declared: dict[str, DeclaredTrigger] = {}
    for list_name, number, entry in _entries(path):
        where = f"{path.name}, {'' if list_name == 'triggers' else list_name + ', '}entry {number}"
        if isinstance(entry, dict) and isinstance(entry.get("name"), str):
            where += f" ({entry['name']!r})"
        try:
            read_entry = _entry(_typed(entry, LISTS[list_name]))
        except HookonceError as error:
            raise InvalidTrigger(f"{where}: {error}") from error
        if read_entry.slug in declared:
            raise InvalidTrigger(f"{where}: an entry before it is {read_entry.slug!r} too")
        declared[read_entry.slug] = read_entry
    return list(declared.values())


def _entries(path: Path) -> Iterator[tuple[str, int, Any]]:
    """Yield each entry of the file with the name of its list and its number there."""
    try:
        document = _Loader(path.read_text()).get_single_data()
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError, ValueError) as error:
        raise InvalidTrigger(f"{path} cannot be read: {' '.join(str(error).split())}") from error
    if not _is_file_of_triggers(document):
        raise InvalidTrigger(
            f"{path.name} must hold `triggers:` with a list, and nothing else, or `webhooks:` and "
            "`events:` as the older system's file does"
        )
    for name, entries in document.items():
        for number, entry in enumerate(entries or [], 1):
            yield name, number, entry


def _is_file_of_triggers(document: Any) -> bool:
    if not isinstance(document, dict) or not document or not document.keys() <= LISTS.keys():
        return False
    return all(
        isinstance(entries, list) or (entries is None and name != "triggers")
        for name, entries in document.items()
    )


def _typed(entry: Any, kind: str | None) -> Any:
    """Return the entry with the type of its list; InvalidTrigger if it names another."""
    if kind is None or not isinstance(entry, dict):
        return entry
    if entry.get("type", kind) != kind:
        raise InvalidTrigger(f"its type is {entry['type']!r}, but its list is of type {kind!r}")
    return {**entry, "type": kind}


def _entry(entry: Any) -> DeclaredTrigger:
    if not isinstance(entry, dict):
        raise InvalidTrigger("it must be a mapping with a name")
    for name, value in entry.items():
        _require_fitting(name, value)
    if "name" not in entry:
        raise InvalidTrigger("name is missing")
    read_entry = DeclaredTrigger(definition.slug(entry["name"]), _columns(entry), _secret(entry))
    apply_file.require_valid(read_entry)
    return read_entry


def _require_fitting(name: Any, value: Any) -> None:
    if name not in KEYS:
        raise InvalidTrigger(f"there is no {name!r}; there are {', '.join(KEYS)}")
    types = _TYPES[KEYS[name].kind]
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        raise InvalidTrigger(f"{name} must be {' or '.join(_IN_WORDS[each] for each in types)}")


def _columns(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns that the entry names, as they are stored."""
    return {name: COLUMNS[name].stored(entry[name]) for name in entry if name in COLUMNS}


def _secret(entry: Mapping[str, Any]) -> str | None:
    """Return the value of the variable that `secret_env` names.

    Without `secret_env` it is None: a new trigger has a random secret, and it is never changed.
    """
    name = entry.get("secret_env")
    if name is None:
        return None
    secret = settings.secret_named(name)
    if secret is None:
        raise InvalidTrigger(f"secret_env names {name}, which is not set")
    return secret

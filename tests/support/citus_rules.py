"""Find in the text of a statement what Citus 13 refuses, as its planner's source has the rules.

Citus cannot be installed where the tests run. So each statement that they run in the form for
distributed tables is held against the rules: a statement for one shard may do nearly all that
PostgreSQL does, and one for several must be such that each shard computes its part alone.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine

from app.db import is_distributed, partitioning

DISTRIBUTED = frozenset(partitioning.tables())
REFERENCE = "triggers"
CONNECTED = frozenset(
    {
        "delivery_journal",
        "notification_channels",
        "notification_messages",
        "trigger_breakers",
        "trigger_pauses",
    }
)
"""Tables that Citus manages too, since foreign keys connect them with the reference table."""
MANAGED = DISTRIBUTED | CONNECTED | {REFERENCE}
REFERRED = frozenset({REFERENCE, "notification_channels"})
"""Tables on every node, or on the coordinator, to which foreign keys of managed tables lead."""

_TABLE = re.compile(
    r"(?:(?<!DISTINCT )\bFROM|\bJOIN|\bUPDATE|\bINTO|,) (?:ONLY |LATERAL )?"
    r"(\w+)\b(?!\.)(?:\((?:[^()]|\([^()]*\))*\))?(?: AS (\w+))?"
)
_VALUE = r"(?:ANY \()?(?:%\(|\(?-?\d)"
_LOCK = re.compile(r"\bFOR (NO KEY )?(UPDATE|SHARE|KEY SHARE)\b")
_CHANGE = re.compile(r"(INSERT INTO|UPDATE|DELETE FROM) (\w+)")
_OPENS = re.compile(r"\((?=(?:SELECT|INSERT|UPDATE|DELETE|WITH)\b)")
_TIME = re.compile(r"\b(statement_timestamp|clock_timestamp|now|random|nextval)\(", re.IGNORECASE)
_VOLATILE = re.compile(r"\b(clock_timestamp|random)\(", re.IGNORECASE)
_AGGREGATE = re.compile(r"\b(avg|bool_or|count|max|min|sum)\(", re.IGNORECASE)
_DRAWS_ID = re.compile(
    r"INSERT INTO (?:trigger_executions|execution_attempts) \((?!(?:[^)]*, )?id[,)])[^)]*\) SELECT"
)
_ONE_VALUE = r"(?:%\(|-?\d)"
_STABLE = re.compile(
    r"\b(age|array_to_json|array_to_string|concat|concat_ws|date_part|date_trunc|format|"
    r"json_build_array|json_build_object|jsonb_build_array|jsonb_build_object|row_to_json|"
    r"to_char|to_date|to_json|to_jsonb|to_timestamp|to_tsvector)\(",
    re.IGNORECASE,
)
"""Functions of PostgreSQL that are not immutable, at least for some types of their arguments."""
_OUTER_JOIN = re.compile(
    r"\bFROM (\w+)(?: AS \w+)? (?:LEFT|FULL)(?: OUTER)? JOIN (\w+)(?: AS (\w+))?"
)


@dataclass
class Scope:
    """A SELECT or a change, without those that stand in parentheses in it."""

    text: str
    parent: "Scope | None" = None
    tables: dict[str, str] = field(default_factory=dict)
    """Table, CTE or function by the name that the statement has for it."""

    def distributed(self) -> list[str]:
        return [alias for alias, table in self.tables.items() if table in DISTRIBUTED]

    def names_trigger(self, alias: str) -> bool:
        """Return True if the shards of the table are known from a value, or a list of values."""
        return re.search(rf"\b{alias}\.trigger_id = {_VALUE}", self.text) is not None

    def names_shard(self, alias: str) -> bool:
        """Return True if the shard of the table is known from one value."""
        return re.search(rf"\b{alias}\.trigger_id = {_ONE_VALUE}", self.text) is not None

    def outer_aliases(self) -> set[str]:
        """Return the names of outer tables that it uses, with those of all scopes around it."""
        used, outer = set(), self.parent
        while outer is not None:
            used |= {each for each in outer.tables if re.search(rf"\b{each}\.\w", self.text)}
            outer = outer.parent
        return used - self.tables.keys()


@contextmanager
def watched(engine: Engine) -> Iterator[list[str]]:
    """Yield what Citus would refuse of the statements that run in the block, if it distributes."""
    refused: list[str] = []
    transactions: WeakKeyDictionary[Connection, Transaction] = WeakKeyDictionary()

    def begin(connection: Connection) -> None:
        transactions[connection] = Transaction()

    def note(connection: Connection, _cursor: object, statement: str, *_: object) -> None:
        if is_distributed(connection):
            found = [*refusals(statement), *transactions[connection].refusals(statement)]
            refused.extend(f"{each}: {statement}" for each in found)

    listeners = {"begin": begin, "before_cursor_execute": note}
    for name, listener in listeners.items():
        event.listen(engine, name, listener)
    yield refused
    for name, listener in listeners.items():
        event.remove(engine, name, listener)


class Transaction:
    """The statements of a transaction so far.

    A statement on several shards uses several connections to a node. Citus refuses to change a
    table to which foreign keys lead after that: its change would be seen on one of them only.
    """

    def __init__(self) -> None:
        self._parallel: str | None = None

    def refusals(self, statement: str) -> list[str]:
        """Return the reason for which Citus would refuse the statement at this place."""
        scopes = list(_scopes(_plain(statement)))
        change = _CHANGE.match(scopes[0].text)
        if change is not None and change[2] in REFERRED and self._parallel is not None:
            return [f"{change[2]} is changed after a statement on several shards: {self._parallel}"]
        if any(_on_several_shards(each) for each in scopes):
            self._parallel = statement
        return []


def _on_several_shards(scope: Scope) -> bool:
    spread = any(not scope.names_shard(alias) for alias in scope.distributed())
    return spread and not _is_insert_of_values(scope)


def _is_insert_of_values(scope: Scope) -> bool:
    return re.match(r"INSERT INTO \w+ \([^)]*\) VALUES", scope.text) is not None


def refusals(statement: str) -> list[str]:
    """Return the reasons for which Citus would refuse the statement; none if it touches no table
    that Citus manages."""
    text = _plain(statement)
    scopes = list(_scopes(text))
    managed = {table for each in scopes for table in each.tables.values()} & MANAGED
    if not managed:
        return []
    return [*_of_recursion(text, managed), *_of_change(text, scopes), *_of_scopes(text, scopes)]


def _plain(statement: str) -> str:
    """Return the statement on one line, without its literal texts."""
    return re.sub(r"'(?:[^']|'')*'", "''", re.sub(r"\s+", " ", statement)).strip()


def _scopes(text: str, parent: Scope | None = None) -> Iterator[Scope]:
    inner, own, place = [], "", 0
    while (found := _OPENS.search(text, place)) is not None:
        end = _closing(text, found.start())
        own += text[place : found.start()] + " (?) "
        inner.append(text[found.end() : end])
        place = end + 1
    scope = Scope(own + text[place:], parent)
    for table, alias in _TABLE.findall(re.sub(r"\s+", " ", scope.text)):
        if not table.isupper():  # a word of SQL
            scope.tables.setdefault(alias or table, table)
    yield scope
    for each in inner:
        yield from _scopes(each, scope)


def _closing(text: str, start: int) -> int:
    depth = 0
    for place in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if not depth:
            return place
    return len(text)


def _of_recursion(text: str, managed: set[str]) -> Iterator[str]:
    if "WITH RECURSIVE" in text and managed & DISTRIBUTED:
        yield "recursive CTE"


def _of_change(text: str, scopes: list[Scope]) -> Iterator[str]:
    for scope in scopes:
        change = _CHANGE.match(scope.text)
        if change is None or change[2] not in MANAGED:
            continue
        yield from _of_arguments(text, change)
        if change[2] in REFERRED and any(each.distributed() for each in scopes):
            yield f"{change[2]} is changed by rows of a distributed table"
        if scope.parent is not None:
            yield f"{change[2]} is changed in a part of another statement"
        if change[1] == "INSERT INTO" and re.search(r"VALUES .*\(\?\)", scope.text):
            yield "sub-select in an INSERT"
        if _DRAWS_ID.match(scope.text):
            yield "INSERT from a SELECT without the id, which a sequence would give"
        if change[1] != "INSERT INTO" and _VOLATILE.search(text):
            yield "volatile function in a change"
        if change[1] != "INSERT INTO" and any(_TIME.search(each) for each in _lazy(text)):
            yield "current time in CASE or COALESCE of a change"
        conflict = text.partition("ON CONFLICT")[2].partition("RETURNING")[0]
        if _TIME.search(conflict):
            yield "current time in ON CONFLICT"
        if re.search(r"\w\(", scope.text.partition("RETURNING")[2]):
            yield "function in RETURNING"


def _of_arguments(text: str, change: re.Match[str]) -> Iterator[str]:
    """Yield what is refused of the columns and arguments of a change.

    The coordinator computes each function that is not immutable before it sends the change, so
    such a function may have no column as its argument; and no row may move to another shard.
    """
    changed, _, rest = text.partition(" SET ")
    if change[1] != "INSERT INTO":
        for found in _STABLE.finditer(text):
            if re.search(r"[a-z_]+\.\w", text[found.end() : _closing(text, found.end() - 1)]):
                yield f"{found[1]} of a column in a change"
    if re.search(r"(?:^|, )trigger_id ?=", rest.partition(" WHERE ")[0]) and " SET " in text:
        yield f"the trigger of a row is changed: {changed}"


def _lazy(text: str) -> Iterator[str]:
    """Yield the text of each CASE and COALESCE."""
    for found in re.finditer(r"\bcoalesce\(", text, re.IGNORECASE):
        yield text[found.start() : _closing(text, found.end() - 1)]
    for found in re.finditer(r"\bCASE\b", text):
        depth = 0
        for word in re.finditer(r"\b(CASE|END)\b", text[found.start() :]):
            depth += 1 if word[0] == "CASE" else -1
            if not depth:
                yield text[found.start() : found.start() + word.end()]
                break


def _of_scopes(text: str, scopes: list[Scope]) -> Iterator[str]:
    for scope in scopes:
        spread = [each for each in scope.distributed() if not scope.names_trigger(each)]
        several = [each for each in scope.distributed() if not scope.names_shard(each)]
        if several and _LOCK.search(scope.text):
            yield f"{', '.join(several)}: rows are locked on several shards"
        if several and len(scope.distributed()) > 1 and not _joined(text, scope.distributed()):
            yield f"{', '.join(several)}: joined without the trigger"
        yield from _of_shape(scope, several)
        outer = scope.outer_aliases()
        if spread and outer:
            yield from _of_correlation(text, scope, outer)


def _of_shape(scope: Scope, several: list[str]) -> Iterator[str]:
    """Yield what no shard can compute of its part alone."""
    if not several:
        return
    for word in ("GROUPING SETS", "ROLLUP", "CUBE", "TABLESAMPLE", "INTERSECT", "EXCEPT"):
        if re.search(rf"\b{word}\b", scope.text):
            yield f"{word} over several shards"
    if re.search(r"\b(array_agg|json_agg|jsonb_agg)\([^()]* ORDER BY", scope.text, re.IGNORECASE):
        yield "ordered list as an aggregate over several shards"
    for left, right, alias in _OUTER_JOIN.findall(scope.text):
        is_everywhere = scope.tables.get(left, left) not in DISTRIBUTED
        if is_everywhere and (alias or right) in several:
            yield f"{right}: fetched whole for an outer join of {left}, which is on every node"


def _of_correlation(text: str, scope: Scope, outer: set[str]) -> Iterator[str]:
    around = scope.parent
    while around is not None and not (outer & around.tables.keys()):
        around = around.parent
    if around is None or not around.distributed():
        yield f"{', '.join(scope.tables)}: asked for each row of a table that is on every node"
    elif not _joined(text, [*scope.distributed(), around.distributed()[0]]):
        yield f"{', '.join(scope.tables)}: correlated without the trigger"
    if re.search(r"\b(LIMIT|OFFSET)\b", scope.text):
        yield f"{', '.join(scope.tables)}: a correlated part has a limit"
    chosen, _, rest = scope.text.partition(" FROM ")
    if _AGGREGATE.search(chosen) and not re.search(r"GROUP BY .*\btrigger_id\b", rest):
        yield f"{', '.join(scope.tables)}: a correlated part has an aggregate"


def _joined(text: str, aliases: list[str]) -> bool:
    """Return True if equal triggers connect all of these tables."""
    pairs = re.findall(r"\b(\w+)\.trigger_id = (\w+)\.(?:trigger_id|id)\b", text)
    reached, size = {aliases[0]}, 0
    while size != len(reached):
        size = len(reached)
        reached |= {each for pair in pairs if reached & {*pair} for each in pair}
    return set(aliases) <= reached

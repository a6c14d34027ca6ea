"""Write the drafts of `alembic revision --autogenerate` with the operations of our revisions.

Alembic's own operations drop values, and lock tables while an index is built.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate import render, renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import MigrateOperation, ops
from alembic.script import ScriptDirectory
from alembic.util import msg

NOTHING = "the models and the database do not differ: no revision is written"

Directives = list[ops.MigrationScript]


def rewriter(scripts: ScriptDirectory) -> Callable[[object, object, Directives], None]:
    """Return the function by which Alembic passes on the draft of a revision.

    `alembic check` compares in the same way, without a message, and needs Alembic's operations.
    """

    def rewrite(_context: object, _revision: object, directives: Directives) -> None:
        (script,) = directives
        if script.message is None or script.upgrade_ops is None or script.downgrade_ops is None:
            return
        if script.upgrade_ops.is_empty():
            directives.clear()
            msg(NOTHING)
            return
        script.rev_id = _number(script.rev_id or "", scripts)
        script.upgrade_ops.ops = list(_drafts(script.upgrade_ops.ops))
        script.downgrade_ops.ops = list(_drafts(script.downgrade_ops.ops))

    return rewrite


class DraftOperation(MigrateOperation):
    """A statement of a draft, which is rendered once Alembic knows the imports that it needs."""

    def __init__(self, render: Callable[[AutogenContext], str]) -> None:
        self.render = render


@renderers.dispatch_for(DraftOperation)
def _render(context: AutogenContext, draft: DraftOperation) -> str:
    return draft.render(context)


def _number(given: str, scripts: ScriptDirectory) -> str:
    """Return the given number; in place of Alembic's random one, the number after the head."""
    head = scripts.get_current_head() or "0000"
    return given if re.fullmatch(r"\d{4}", given) else f"{int(head) + 1:04}"


def _drafts(operations: Iterable[MigrateOperation]) -> Iterator[MigrateOperation]:
    """Yield our operation in place of each of Alembic's that we have one for."""
    flat = [
        inner
        for each in operations
        for inner in (each.ops if isinstance(each, ops.ModifyTableOps) else [each])
    ]
    for (kind, table), group in groupby(flat, lambda each: (type(each), _table(each))):
        alike = list(group)
        if kind in _OF_COLUMNS:
            yield DraftOperation(_OF_COLUMNS[kind](str(table), alike))
        else:
            yield from (_draft(each) for each in alike)


def _table(operation: MigrateOperation) -> str | None:
    return getattr(operation, "table_name", None)


def _draft(operation: MigrateOperation) -> MigrateOperation:
    write = _OTHERS.get(type(operation))
    return DraftOperation(write(operation)) if write and _is_plain(operation) else operation


def _is_plain(operation: MigrateOperation) -> bool:
    """Return False for an index on expressions, which `op.ensure_index` does not take."""
    if not isinstance(operation, ops.CreateIndexOp):
        return True
    return all(isinstance(each, sa.Column) for each in operation.to_index().expressions)


def _add_columns(table: str, added: list[Any]) -> Callable[[AutogenContext], str]:
    def text(context: AutogenContext) -> str:
        columns = [_column(context, each) for each in added]
        return f"op.add_or_restore_columns(revision, {table!r}, {', '.join(columns)})"

    return text


def _column(context: AutogenContext, added: ops.AddColumnOp) -> str:
    """Return the column as Alembic renders it, without the call around it."""
    whole = render.render_op_text(context, added)
    return whole.removeprefix(f"op.add_column({added.table_name!r}, ").removesuffix(")")


def _stash_columns(table: str, dropped: list[Any]) -> Callable[[AutogenContext], str]:
    names = [each.column_name for each in dropped]
    return lambda _context: f"op.stash_columns(revision, {table!r}, {names!r})"


def _create_table(created: Any) -> Callable[[AutogenContext], str]:
    ours = "op.create_or_restore_table(revision, "
    return lambda context: (
        ours + render.render_op_text(context, created).removeprefix("op.create_table(")
    )


def _stash_table(dropped: Any) -> Callable[[AutogenContext], str]:
    return lambda _context: f"op.stash_table(revision, {dropped.table_name!r})"


def _ensure_index(created: Any) -> Callable[[AutogenContext], str]:
    index = created.to_index()
    names = [column.name for column in index.expressions]
    options = ", unique=True" if index.unique else ""
    where = index.dialect_options["sqlite"]["where"]
    if where is not None:
        condition = where.compile(compile_kwargs={"literal_binds": True})
        options += f", where={str(condition)!r}"
    text = f"op.ensure_index({index.name!r}, {created.table_name!r}, {names!r}{options})"
    return lambda _context: text


def _remove_index(dropped: Any) -> Callable[[AutogenContext], str]:
    return lambda _context: f"op.remove_index({dropped.index_name!r}, {dropped.table_name!r})"


_OF_COLUMNS: dict[type[MigrateOperation], Callable[..., Callable[[AutogenContext], str]]] = {
    ops.AddColumnOp: _add_columns,
    ops.DropColumnOp: _stash_columns,
}
"""Writers of statements that several columns of a table share."""
_OTHERS: dict[type[MigrateOperation], Callable[[Any], Callable[[AutogenContext], str]]] = {
    ops.CreateTableOp: _create_table,
    ops.DropTableOp: _stash_table,
    ops.CreateIndexOp: _ensure_index,
    ops.DropIndexOp: _remove_index,
}

"""Move everything from one database to another, of either kind, and compare both at the end.

The source is closed to writes by triggers, and stays closed; the target is closed until the move is
complete. So no event can be admitted by one database and be missing in the other.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import sqlalchemy as sa
from alembic.util import CommandError

from app.db import pooler, schema
from app.db.migration_ops import migration_lock
from app.db.migration_ops.migration_lock import Pause
from app.db.moving import (
    capture,
    connecting,
    fence,
    state,
    steps,
    tables,
    target,
    unfit,
)
from app.db.moving.connecting import opened
from app.db.moving.session import DriverSession
from app.db.moving.steps import Compared, Move, Report
from app.db.moving.tables import MovedTable
from app.errors import CannotMove, WrongRevision
from app.settings import Settings

__all__ = ["Compared", "Order", "Report", "cancel", "is_complete", "move"]
SHOWN_FAULTS = 50
"""Values that do not fit of which a sentence is printed; the others are counted."""


@dataclass(frozen=True, slots=True)
class Order:
    """The two databases, and the choices of the operator."""

    source: Settings
    target: Settings
    foreign: str | None = None
    """Tables and columns of others: `take` or `leave`; None: refuse a database that has any."""
    replace_invalid_text: bool = False
    live: bool = False
    """True: let the service write until the last seconds."""
    dry_run: bool = False


def move(order: Order, report: Report) -> list[Compared]:
    """Move everything, or go on with a move that was interrupted; return the compared tables.

    Returns no table if the move was complete already. Raises CannotMove.
    """
    names = [connecting.name_of(each) for each in (order.source, order.target)]
    if order.source.database_url == order.target.database_url:
        raise CannotMove("the source and the target are the same database")
    pause = partial(_pause, report)
    with _only_mover(order.source, names[0], order.replace_invalid_text, pause) as source:
        _require_source(source)
        found = _find(order, source, names[1])
        if found == state.DONE:
            return []
        if found is None and not _is_at_head(order, names[1]):
            target.migrate(order.target, pause)
        with _session(order.target, names[1]) as goal:
            under_way = _prepared(order, source, goal, report, is_new=found is None)
            return [] if under_way is None else steps.carry_out(under_way)


def cancel(settings: Settings) -> bool:
    """Open the source for writes again, and forget the move; False if there is none."""
    with _only_mover(settings, connecting.name_of(settings), False) as source:
        if not state.exists(source):
            return False
        if state.read(source, state.ROLE) == state.TARGET:
            raise CannotMove(
                f"{source.name} is the target of an unfinished move: remove it, and run this "
                "command on the source"
            )
        with source.transaction():
            fence.open_(source)
            capture.end(source)
            state.end(source)
        return True


def is_complete(settings: Settings) -> bool:
    """Return True if everything was moved out of the database, so that others may have new rows."""
    with _session(settings, connecting.name_of(settings)) as source:
        return bool(state.read(source, state.DONE))


@contextmanager
def _session(settings: Settings, name: str) -> Iterator[DriverSession]:
    engine = connecting.engine_of(settings)
    try:
        with opened(engine, name) as session:
            yield session
    finally:
        engine.dispose()


@contextmanager
def _only_mover(
    settings: Settings, name: str, replace_text: bool, pause: Pause | None = None
) -> Iterator[DriverSession]:
    """Open the source while no migration and no other move of it can run."""
    engine = connecting.engine_of(settings)
    try:
        with (
            opened(engine, name, replace_text=replace_text) as source,
            migration_lock.only_migrator(engine, pause),
        ):
            yield source
    except CommandError as error:
        raise CannotMove(str(error)) from error
    finally:
        engine.dispose()


def _pause(report: Report, seconds: float) -> None:
    """Wait for another migration; `report` raises an error after a signal."""
    report("waiting for another migration", "", 0, 0)
    time.sleep(seconds)


def _require_source(source: DriverSession) -> None:
    if state.read(source, state.ROLE) == state.TARGET:
        raise CannotMove(f"{source.name} is itself the target of an unfinished move")
    revision = schema.current_revision(source.connection)
    if revision != schema.history()[-1]:
        raise WrongRevision(schema.explanation(revision))


def _is_at_head(order: Order, name: str) -> bool:
    with _session(order.target, name) as goal:
        return schema.current_revision(goal.connection) == schema.history()[-1]


def _find(order: Order, source: DriverSession, name: str) -> str | None:
    """Return the id of the move to go on with, DONE for a complete one, None for a new one."""
    ours, peer = state.read(source, state.ID), state.read(source, state.PEER)
    with _session(order.target, name) as goal:
        theirs = state.read(goal, state.ID)
        if ours is not None and ours == theirs:
            return str(ours)
        if state.read(source, state.DONE):
            return _already_moved(peer, name)
        if ours is not None and peer != name:
            raise CannotMove(
                f"{source.name} is being moved to {peer}: run that command again to go on, or "
                "`hookonce move --cancel`"
            )
        target.require_empty(goal, name)
    return None


def _already_moved(peer: str, name: str) -> str:
    if peer == name:
        return state.DONE
    raise CannotMove(
        f"everything was moved to {peer} already; `hookonce move --cancel` opens this database "
        "again, without what was received there"
    )


def _prepared(
    order: Order, source: DriverSession, goal: DriverSession, report: Report, *, is_new: bool
) -> Move | None:
    """Return the move with both databases ready for it; None after a dry run.

    Nothing is written to the source before each of its values is known to fit.
    """
    if pooler.behind_pooler(goal.connection):
        raise CannotMove(
            f"{goal.name} is reached through a pooler, where a session does not keep its settings: "
            "name the address of PostgreSQL itself"
        )
    reflected = tables.reflected(source)
    wanted = tables.chosen(reflected, order.foreign)
    if is_new:
        _require_choice(order, wanted, tables.reflected(goal))
        target.complete(goal, wanted, with_foreign=order.foreign == "take")
    present = tables.reflected(goal)
    moved = [tables.matched(table, present.tables[table.name]) for table in wanted]
    if is_new:
        with_checks = not target.takes_conditions(goal, wanted)
        _require_fit(source, moved, present, report, with_checks=with_checks)
    if order.dry_run:
        return None
    result = Move(source, goal, moved, report)
    if is_new:
        _begin(result, list(present.tables), live=order.live)
    fence.exempt(goal, str(state.read(goal, state.ID)))
    return result


def _require_choice(order: Order, wanted: list[sa.Table], present: sa.MetaData) -> None:
    if order.foreign is not None:
        return
    for table in wanted:
        others = tables.foreign_columns(table, present) if table.name in present.tables else []
        if others:
            raise CannotMove(
                f"{table.name} has columns that are not Hookonce's: {', '.join(others)}; choose "
                "`--foreign take` to move their values too, or `--foreign leave` to leave them out"
            )


def _require_fit(
    source: DriverSession,
    moved: list[MovedTable],
    present: sa.MetaData,
    report: Report,
    *,
    with_checks: bool,
) -> None:
    """Raise CannotMove with every value that does not fit, each with its remedy."""
    shown, count = [], 0
    for table in moved:
        report("checking", table.name, 0, 0)
        goal = present.tables[table.name]
        for fault in unfit.faults(source, table, goal, with_checks=with_checks):
            count += 1
            if count <= SHOWN_FAULTS:
                shown.append(str(fault))
    if count > SHOWN_FAULTS:
        shown.append(f"and {count - SHOWN_FAULTS} more")
    if count:
        lines = "\n  ".join(shown)
        raise CannotMove(
            f"{count} value(s) of {source.name} do not fit; nothing was copied, and the source is "
            f"open as before.\n  {lines}\nThen run the same command again."
        )


def _begin(move: Move, names: list[str], *, live: bool) -> None:
    """Note the move in both databases, and close the target."""
    move_id = state.new_id()
    noted = {state.ID: move_id, state.ROLE: state.SOURCE, state.PEER: move.target.name}
    with move.source.transaction():
        state.end(move.source)
        state.begin(move.source, noted)
        if live:
            capture.begin(move.source, move.moved)
    with move.target.transaction():
        dropped = target.drop_foreign_keys(move.target)
        noted = {state.ID: move_id, state.ROLE: state.TARGET, state.PEER: move.source.name}
        state.begin(move.target, noted | {state.LIVE: live, state.FOREIGN_KEYS: dropped})
        fence.close(move.target, names, move.reason, mover=move_id)

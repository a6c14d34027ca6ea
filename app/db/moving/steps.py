"""The steps of a move: close the source, copy, compare, copy the last changes, hand over."""
# ruff: noqa: S608, the names in these statements are the database's own, and quoted

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from app.db import version_table
from app.db.moving import capture, compare, copying, fence, sequences, state, target
from app.db.moving.session import DriverSession, quoted
from app.db.moving.tables import MovedTable
from app.errors import CannotMove

FEW_CHANGES = 1_000
"""Changed rows that are few enough to be copied while the service is refused its writes."""
WAIT_SECONDS = 0.5
"""Seconds between two tries to close the source while attempts run."""

Report = Callable[[str, str, int, int], None]
"""Function that is called with a step, a table, the rows done and all rows; it may raise."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A table that both databases have with the same rows."""

    table: str
    rows: int
    digest: str


@dataclass(frozen=True, slots=True)
class Move:
    """A move under way: its sessions, its tables, and the way to report."""

    source: DriverSession
    target: DriverSession
    moved: list[MovedTable]
    report: Report

    @property
    def reason(self) -> str:
        """Return the reason for which the target refuses writes."""
        return f"the move of {self.source.name} into this database is not complete"


def carry_out(move: Move) -> list[Compared]:
    """Copy, compare, and hand over; each step that is done already is found done."""
    is_live = bool(state.read(move.target, state.LIVE))
    if not is_live:
        _close_source(move)
    for table in move.moved:
        _copy(move, table)
    if is_live:
        _apply_most_changes(move)
    compared = _compared(move, is_live=is_live)
    _add_foreign_keys(move)
    if is_live:
        compared = _last_changes(move, compared)
    with move.target.transaction():
        sequences.move(move.source, move.target, move.moved)
    target.analyze(move.target, [table.name for table in move.moved])
    _hand_over(move)
    return compared


def _close_source(move: Move) -> None:
    """Refuse every write to the source; raise CannotMove while attempts run."""
    running = _try_to_close(move)
    if running:
        raise CannotMove(
            f"{running} execution(s) are running, and would run again after the move: stop the "
            "workers, which finish their attempts, and run the same command again; the lease of a "
            "worker that was killed ends within a minute"
        )


def _try_to_close(move: Move) -> int:
    """Create the triggers of the source; return the number of running executions that forbid it."""
    names = [*(table.name for table in move.moved), version_table.NAME]
    with suppress(_StillRunning), move.source.transaction():
        fence.close(move.source, names, f"everything is moved to {move.target.name}")
        running = move.source.execute(_RUNNING[move.source.kind])[0][0]
        if not running:
            return 0
        raise _StillRunning
    return int(running)


class _StillRunning(Exception):
    """Attempts run; raised to roll the triggers back."""


_RUNNING = {
    kind: "SELECT count(*) FROM trigger_executions WHERE status = 'running' "
    f"AND lease_expires_at > {now}"
    for kind, now in (
        ("sqlite", "strftime('%Y-%m-%d %H:%M:%f', 'now')"),
        ("postgresql", "timezone('utc', clock_timestamp())"),
    )
}


def _copy(move: Move, table: MovedTable) -> None:
    with move.source.snapshot():
        total = move.source.execute(f"SELECT count(*) FROM {quoted(table.name)}")[0][0]
        report = partial(move.report, "copying", table.name)
        report(0, total)
        copying.copy(move.source, move.target, table, move.reason, lambda done: report(done, total))


def _compared(move: Move, *, is_live: bool) -> list[Compared]:
    """Compare all tables; of a live source those of the moment up to which changes are applied."""
    found: capture.Changes = {}
    with move.source.snapshot():
        if is_live:
            found = capture.changes(move.source, move.moved, None)
            capture.apply(move.source, move.target, move.moved, found, move.reason)
            _copy_again(move)
        result = [_compare(move, table, is_live=is_live) for table in move.moved]
    capture.forget(move.source, found)
    return result


def _compare(move: Move, table: MovedTable, *, is_live: bool) -> Compared:
    """Compare a table. A closed source is not read again: its digests were added up while copied.

    A release before this one noted no sum.
    """
    report = partial(move.report, "comparing", table.name)
    report(0, 0)
    noted = state.progress(move.target, table.name) or copying.NOTHING
    known = not is_live and noted.get("sum") is not None
    before = compare.Summary(noted["rows"], noted["sum"]) if known else None
    both = compare.require_same(
        move.source, move.target, table, lambda rows: report(rows, 0), before
    )
    return Compared(table.name, both.rows, both.digest)


def _add_foreign_keys(move: Move) -> None:
    with move.target.transaction():
        dropped = state.read(move.target, state.FOREIGN_KEYS)
        target.add_foreign_keys(move.target, dropped)


def _apply_most_changes(move: Move) -> None:
    """Apply changes until few are left: the service makes more in the meantime."""
    while (left := capture.waiting(move.source, move.moved)) > FEW_CHANGES:
        move.report("catching up", "", 0, left)
        _apply_changes(move)


def _apply_changes(move: Move) -> capture.Changes:
    with move.source.snapshot():
        found = capture.changes(move.source, move.moved)
        capture.apply(move.source, move.target, move.moved, found, move.reason)
    return _forgotten(move, found)


def _forgotten(move: Move, found: capture.Changes) -> capture.Changes:
    capture.forget(move.source, found)
    return found


def _copy_again(move: Move) -> None:
    """Copy the tables without a key anew: their changes are not noted, and they are small."""
    for table in move.moved:
        if not table.key:
            with fence.writable(move.target, table.name, move.reason):
                move.target.execute(f"DELETE FROM {quoted(table.name)}")
                state.note_progress(move.target, table.name, copying.NOTHING)
            copying.copy(move.source, move.target, table, move.reason, lambda _: None)


def _last_changes(move: Move, compared: list[Compared]) -> list[Compared]:
    """Close the source once no attempt runs, and copy and compare what changed since.

    From then on receivers answer 503, for as long as the last changes take.
    """
    _apply_most_changes(move)
    while running := _try_to_close(move):
        move.report("waiting for running executions", "", 0, running)
        time.sleep(WAIT_SECONDS)
        _apply_most_changes(move)
    with move.source.snapshot():
        found = capture.changes(move.source, move.moved, None)
        capture.apply(move.source, move.target, move.moved, found, move.reason)
        _copy_again(move)
        capture.require_same(move.source, move.target, move.moved, found)
        counted = [_counted(move, each) for each in compared]
    changed = {table.name for table in move.moved if table.name in found or not table.key}
    return [replace(e, digest="" if e.table in changed else e.digest) for e in counted]


def _counted(move: Move, compared: Compared) -> Compared:
    """Return the table with its count now; raise CannotMove unless both databases have the same."""
    query = f"SELECT count(*) FROM {quoted(compared.table)}"
    ours, theirs = (session.execute(query)[0][0] for session in (move.source, move.target))
    if ours != theirs:
        raise CannotMove(
            f"the comparison failed: {compared.table} has {ours} rows in the source, and {theirs} "
            "in the target"
        )
    return replace(compared, rows=ours)


def _hand_over(move: Move) -> None:
    """Note in the source that it was moved, then open the target: never both are open."""
    with move.source.transaction():
        capture.end(move.source)
        state.write(move.source, state.DONE, True)
    with move.target.transaction():
        fence.open_(move.target)
        state.end(move.target)

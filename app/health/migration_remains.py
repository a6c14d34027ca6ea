"""Sentences for `hookonce check` on what downgrades and interrupted migrations left behind."""

from collections.abc import Iterator

from sqlalchemy.engine import Connection

from app.db import schema, stashes
from app.db.migration_ops import identity, parents, rehearsal, steps
from app.installation import migration_command


def notes(connection: Connection, names: list[str]) -> list[str]:
    """Return the sentences; `names` are those of all tables."""
    return [
        *_unfinished_downgrades(names),
        *_unfinished_upgrades(names, schema.current_revision(connection) or ""),
        *_interrupted_copies(names),
        *_stashes(connection),
    ]


def _unfinished_downgrades(names: list[str]) -> list[str]:
    return [
        f"the downgrade of {name.removeprefix(steps.UNDOING)} has begun and not finished: "
        f"if no migration is running, run it again, or run `{migration_command('upgrade head')}`"
        for name in names
        if name.startswith(steps.UNDOING)
    ]


def _unfinished_upgrades(names: list[str], current: str) -> list[str]:
    """Return sentences on upgrades above the current revision; a script leaves its mark below."""
    begun = [name.removeprefix(steps.UPGRADING) for name in names if steps.UPGRADING in name]
    return [
        f"the upgrade to {revision} has begun and not finished: if no migration is running, run "
        f"`{migration_command('upgrade head')}`, which completes it; no downgrade runs before"
        for revision in begun
        if revision > current
    ]


def _interrupted_copies(names: list[str]) -> list[str]:
    """Return a sentence if a migration of SQLite copies a table, or was interrupted in it."""
    remains = [name for name in names if name.startswith(rehearsal.NAME_PREFIX)]
    if not remains:
        return []
    sentence = (
        f"{', '.join(remains)} belong to the copy of a table by a migration: if none is running, "
        f"it was interrupted; run it again, or run `{migration_command('upgrade head')}`"
    )
    return [sentence]


def _stashes(connection: Connection) -> Iterator[str]:
    """Name each stash with its size; `hookonce stash drop` drops it."""
    for stash in stashes.listed(connection):
        size = f"about {stash.size_bytes} bytes"
        if stash.column is not None:
            yield f"{stash.name} is a column that a downgrade hid ({size}): an upgrade shows it"
        elif not stash.name.endswith(parents.SUFFIX):
            yield f"{stash.name} holds {stash.values} row(s) that {_origin(stash.name)} ({size})"


def _origin(stash: str) -> str:
    if identity.UNMATCHED not in stash:
        return "a downgrade stashed"
    return (
        "an upgrade did not restore: their rows were deleted meanwhile, and other rows may have "
        "their ids; `hookonce stash drop` drops the table once you do not need it"
    )

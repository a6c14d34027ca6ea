"""Create a twin of a trigger: it admits the same requests, and its action does nothing.

The twin exists for a few seconds and is removed with all its executions, also on Ctrl-C. A twin
that a killed command left behind is removed by the next command.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from app import clock
from app.audit import Actor
from app.db import Database
from app.db.models import triggers
from app.errors import InvalidTrigger, NotFound
from app.triggers import manage, removal

MARK = "hookonce.doctor"
"""The `source_plugin` of every twin, by which twins are found."""
ORPHANED = timedelta(minutes=10)
"""Age at which a twin is taken to be left behind by a killed command."""


@contextmanager
def twin_of(database: Database, trigger: sa.Row[Any], actor: Actor) -> Iterator[sa.Row[Any]]:
    """Create a twin with the trigger's source, secret, key and tolerance; remove it at the end.

    The twin has no event filter, so that every event is admitted.
    """
    secret = database.secret_box.decrypt(trigger)
    if not secret:
        raise InvalidTrigger("the trigger has no secret, so it refuses every request")
    _remove_orphans(database, actor)
    definition = manage.NewTrigger(
        name=f"twin of {trigger.slug[:150]} {secrets.token_hex(4)}",
        source=trigger.source,
        action_type="noop",
        action_payload=f"created by `hookonce doctor` for {trigger.slug}",
        secret=secret,
        idempotency_key_from=trigger.idempotency_key_from,
        missing_key=trigger.missing_key,
        tolerance_seconds=trigger.tolerance_seconds,
        verification=trigger.verification,
        source_plugin=MARK,
    )
    twin = manage.add_trigger(database, definition, actor, any_source=True)
    try:
        yield twin
    finally:
        removal.remove_trigger(database, twin.id, actor)


def _remove_orphans(database: Database, actor: Actor) -> None:
    columns = triggers.c
    is_orphan = columns.created_at < clock.now() - ORPHANED
    query = sa.select(columns.id).where(columns.source_plugin == MARK, is_orphan)
    with database.reading() as connection:
        orphans = list(connection.execute(query).scalars())
    for trigger_id in orphans:
        try:
            removal.remove_trigger(database, trigger_id, actor)
        except NotFound:
            continue  # another `hookonce doctor` was faster

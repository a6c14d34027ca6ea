"""A trigger's twin: received as the trigger is, and nothing is done about what comes.

Made for a few seconds and removed with all that it received, also on Ctrl-C. One that a killed
command left behind is removed by the next.
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
from app.intake import sources, trigger_cache
from app.triggers import manage, removal

MARK = "hookonce.doctor"
"""What a twin's `source_plugin` says."""
ORPHANED = timedelta(minutes=10)


@contextmanager
def of(database: Database, trigger: sa.Row[Any], actor: Actor) -> Iterator[sa.Row[Any]]:
    """The twin: source, secret, key and tolerance are the trigger's; every event is wanted."""
    secret = database.secret_box.decrypt(trigger)
    if not secret:
        raise InvalidTrigger("the trigger has no secret, and refuses everyone")
    _remove_orphans(database, actor)
    described = manage.NewTrigger(
        name=f"twin of {trigger.slug[:150]} {secrets.token_hex(4)}",
        source=trigger.source,
        action_type="noop",
        action_payload=f"made by `hookonce doctor` for {trigger.slug}",
        secret=secret,
        key_from=trigger_cache.key_parts(trigger.idempotency_key_from),
        missing_key=trigger.missing_key,
        tolerance_seconds=trigger.tolerance_seconds,
        source_plugin=MARK,
    )
    made = manage.add_trigger(database, described, [*sources.names(), trigger.source], actor)
    try:
        yield made
    finally:
        removal.remove_trigger(database, made.id, actor)


def _remove_orphans(database: Database, actor: Actor) -> None:
    columns = triggers.c
    left = columns.created_at < clock.now() - ORPHANED
    query = sa.select(columns.id).where(columns.source_plugin == MARK, left)
    with database.reading() as connection:
        orphans = list(connection.execute(query).scalars())
    for trigger_id in orphans:
        try:
            removal.remove_trigger(database, trigger_id, actor)
        except NotFound:
            continue  # another doctor was faster

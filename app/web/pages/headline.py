"""The state of the installation in one line: OK, or each trouble that lasts, since when."""

from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from app import clock
from app.db import utc_now
from app.notifications import observe, states
from app.notifications.conditions import KINDS, NO_WORKER, Condition, sentence
from app.web.context import ApiContext


def troubles(context: ApiContext) -> list[dict[str, Any]]:
    """Return the troubles that last at the moment, those that began first on top.

    Where a condition itself has no time, such as a count, it lasts since it was first noticed.
    A missing worker is not among them: the page says so at once, without waiting for a restart.
    """
    limits = context.settings.hookonce_notify
    with context.database.reading() as connection:
        now = connection.execute(sa.select(utc_now())).scalar_one()
        found = observe.conditions(context.database, connection, limits, now)
        begun = {(row.kind, row.trigger_id): row.opened_at for row in states.lasting(connection)}
    found = [replace(each, since=each.since or begun.get(each.key)) for each in found]
    lasting = [each for each in found if each.kind != NO_WORKER]
    return [_shown(each) for each in sorted(lasting, key=lambda each: each.since or now)]


def _shown(condition: Condition) -> dict[str, Any]:
    kind = KINDS[condition.kind]
    return {
        "text": sentence(condition.kind, condition.trigger, condition.number, over=False),
        "advice": kind.advice,
        "since": clock.text(condition.since),
        "page": kind.page.format(trigger_id=condition.trigger_id),
    }

"""What a found database left unfinished waits for a person, who lets it run or gives it up."""

import sqlalchemy as sa

from app import checkup, operate, queries
from app.db import Database
from app.models import trigger_executions
from tests import factories


def _statuses(database: Database) -> list[str]:
    query = sa.select(trigger_executions.c.status).order_by(trigger_executions.c.id)
    with database.reading() as connection:
        return list(connection.execute(query).scalars())

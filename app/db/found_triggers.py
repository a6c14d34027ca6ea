"""The triggers that an older system's database had when it was taken over.

They are those up to the highest id at that time, which the first revision recorded.
"""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.db.version_table import FOUND_RECORD

_record = sa.Table(
    FOUND_RECORD,
    sa.MetaData(),
    sa.Column("kind", sa.Text),
    sa.Column("name", sa.Text),
    sa.Column("definition", sa.Text),
)
_IS_LAST_ID = sa.and_(_record.c.kind == "last_id", _record.c.name == "triggers")
COLUMN = (FOUND_RECORD, _record.c.definition.name)
"""Table and column that exist only in a database that was taken over."""


def last_id(connection: Connection) -> int:
    """Return the highest id of a found trigger; 0 in a database that was not taken over."""
    if not sa.inspect(connection).has_table(FOUND_RECORD):
        return 0
    value = connection.execute(sa.select(_record.c.definition).where(_IS_LAST_ID)).scalar()
    return int(value or 0)


def exclude(connection: Connection, trigger_id: int) -> None:
    """Lower the highest id below that of a new trigger.

    SQLite gives the id of a removed trigger again in a found table: the new trigger would be taken
    for a found one, and senders could prove themselves as the older system allowed.
    """
    if trigger_id > last_id(connection):
        return
    lower = sa.update(_record).where(_IS_LAST_ID).values(definition=str(trigger_id - 1))
    connection.execute(lower)

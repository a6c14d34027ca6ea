"""What goes in and comes out, whichever database it is."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from app.db import SECONDS_SINCE
from app.db.schema import Schema
from app.errors import HookonceError


class RowRejected(HookonceError):
    """A row of the batch broke a constraint, and nothing of the batch was kept."""


class ExistingExecution(NamedTuple):
    """An execution that a key was admitted as."""

    id: int
    digest: str | None
    """Of the payload that it was admitted with; None for what older code has written."""
    status: str
    finished_seconds: float | None = None
    """How long ago it finished; None if it has not, and for what older code has written."""


class NewExecution(NamedTuple):
    """An execution to be, with the request that it comes from."""

    trigger_id: int
    event_data: str
    key: str | None
    digest: str | None
    content_type: str | None
    headers: str
    body: bytes


class SchemaFeatures(NamedTuple):
    """What of the newest schema there is, as far as these statements go."""

    scheduled: bool
    requests: bool
    replays: bool
    digests: bool


class AdmissionStore(Protocol):
    """One database's way of saying it."""

    def find(self, schema: Schema, trigger_id: int, keys: set[str]) -> dict[str, ExistingExecution]:
        """The execution that each of the keys was admitted as, for those that were.

        Raises DatabaseUnavailable or SchemaMoved.
        """

    def insert(self, schema: Schema, rows: Sequence[NewExecution]) -> list[int]:
        """The ids of the rows' executions, committed together.

        Raises RowRefused, DatabaseUnavailable or SchemaMoved; then none was kept.
        """

    def find_or_insert(self, schema: Schema, row: NewExecution) -> int | ExistingExecution:
        """The id of the row's execution, committed; or what its key was admitted as before.

        Raises as `insert`.
        """

    def is_alive(self) -> bool:
        """Whether its connection is one to the database still, as far as it can tell by itself."""

    def close(self) -> None:
        """Its connection is used no more."""


def features(schema: Schema) -> SchemaFeatures:
    """What the statements may name."""
    return SchemaFeatures(
        scheduled=schema.has("trigger_executions", "next_attempt_at"),
        requests=schema.has("execution_requests", "body"),
        replays=schema.has("trigger_executions", "replay_of_id"),
        digests=schema.has("trigger_executions", "payload_digest"),
    )


def existing_columns(shape: SchemaFeatures, kind: str) -> str:
    """The rest of a Standing; a row that does not say when it was received has no known age."""
    if not shape.digests:
        return "NULL, status, NULL"
    age = SECONDS_SINCE[kind].format(moment="completed_at")
    return f"payload_digest, status, CASE WHEN received_at IS NOT NULL THEN {age} END"

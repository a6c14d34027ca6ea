"""The index that refused a row is recognised by its name, its partition's or its shard's."""

from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from app.db import IDEMPOTENCY_INDEX, REPLAY_INDEX, violates

EXECUTIONS = "trigger_executions"
_KEY = "Key (trigger_id, idempotency_key)=(1, a) already exists."
_CITUS = 'duplicate key value violates unique constraint "{}"'


def refused(
    name: str | None,
    table: str | None = EXECUTIONS,
    message: str = "",
    detail: str = _KEY,
    **more: Any,
) -> IntegrityError:
    """Return the error with the fields that psycopg read from the server."""
    values = {"sqlstate": "23505", "constraint_name": name, "table_name": table}
    diagnosis = SimpleNamespace(
        **values | {"message_primary": message, "message_detail": detail} | more
    )
    return IntegrityError("INSERT", {}, SimpleNamespace(diag=diagnosis))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "error",
    [
        refused("uq_trigger_idem"),
        refused("uq_trigger_idem_incoming"),
        refused("uq_trigger_idem_102008"),
        refused("trigger_executions_p3_trigger_id_idempotency_key_idx", "trigger_executions_p3"),
        refused(
            "by_hand", "a_partition", detail="Schlüssel »(trigger_id, idempotency_key)=(1, a)«"
        ),
        # a node's error reaches the client of Citus as its message alone
        refused(None, None, _CITUS.format("uq_trigger_idem_102008")),
        refused(None, None, "doppelter Schlüsselwert verletzt »uq_trigger_idem_102008«"),
    ],
)
def test_the_index_of_idempotency_keys_is_recognised(error: IntegrityError) -> None:
    assert violates(error, IDEMPOTENCY_INDEX)
    assert not violates(error, REPLAY_INDEX)


@pytest.mark.parametrize(
    "error",
    [
        refused("uq_trigger_idempotent"),
        refused("their_index"),
        refused("uq_trigger_idem", sqlstate="23503"),
        refused(None, None, _CITUS.format("pk_trigger_executions_102008")),
        refused(None, None, "", ""),
        refused("p3_pk", "trigger_executions_p3", detail="Key (id, trigger_id)=(1, 2) exists."),
        # a sender chooses the value of a key
        refused("p3_x", "p3", detail="Key (payload)=((trigger_id, idempotency_key)=(1, a))"),
    ],
)
def test_no_other_constraint_counts_as_a_duplicate(error: IntegrityError) -> None:
    assert not violates(error, IDEMPOTENCY_INDEX)

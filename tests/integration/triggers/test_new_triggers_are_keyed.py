"""A new trigger is keyed by its sender's own id; triggers that stand keep what they have."""

from typing import Any

import pytest

from app import health
from app.db import Database
from app.errors import InvalidTrigger
from app.intake import sources
from app.triggers import manage
from app.triggers.definition import NewTrigger
from tests.support import factories

OWN_ID = ("discord", "github", "linear", "stripe", "telegram")
"""Sources with an id of their own that did not key by it before."""


def made(database: Database, **columns: Any) -> str | None:
    new = NewTrigger(name=f"T {sorted(columns.items())}", action_payload="run.sh", **columns)
    return manage.add_trigger(database, new, any_source=True).idempotency_key_from


def test_a_new_trigger_is_keyed_by_its_source(database: Database) -> None:
    for source in sources.names():
        assert made(database, source=source) == ("provider" if source in OWN_ID else None), source


def test_a_choice_is_kept(database: Database) -> None:
    assert made(database, source="github", idempotency_key_from="none") == "none"
    assert made(database, source="github", idempotency_key_from="body:id") == "body:id"
    assert made(database, source="of an older system") is None


def test_the_id_of_a_source_without_one_is_refused(database: Database) -> None:
    with pytest.raises(InvalidTrigger) as refused:
        made(database, idempotency_key_from="provider")
    assert str(refused.value).count("custom has no event id of its own") == 1
    made(database, source="github")

    with pytest.raises(InvalidTrigger, match="custom has no event id of its own"):
        manage.update_trigger(database, 1, {"source": "custom"})


def test_a_choice_that_is_taken_back_becomes_the_id_of_the_source(database: Database) -> None:
    made(database, source="github", idempotency_key_from="body:id")

    row = manage.update_trigger(database, 1, {"idempotency_key_from": None})

    assert row.idempotency_key_from == "provider"


def test_a_trigger_that_stands_without_a_key_keeps_none_and_is_named(database: Database) -> None:
    factories.trigger(database, source="github", slug="pushes")
    factories.trigger(database, source="stripe", slug="payments")
    factories.trigger(database, source="stripe", slug="off", enabled=False)
    factories.trigger(database, source="linear", slug="chosen", idempotency_key_from="none")
    factories.trigger(database, source="shopify", slug="keyed-anyway")

    row = manage.update_trigger(database, 1, {"idempotency_key_from": None, "name": "Pushes"})

    assert row.idempotency_key_from is None
    (note,) = health.notes(database)
    assert note.startswith("each redelivery to pushes, payments is a new execution")
    assert "--key-from provider" in note

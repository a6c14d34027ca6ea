"""The declaration of a trigger's fields: complete, and one sentence for each mistake."""

from typing import Any

import pytest

from app.db.models import triggers
from app.errors import InvalidTrigger
from app.masking import SECRET_COLUMNS
from app.triggers import definition
from app.triggers.definition import NewTrigger
from app.triggers.field import GROUPS, Field
from app.triggers.fields import COLUMNS, FIELDS

NOT_SET_BY_A_PERSON = {
    "id",
    "slug",
    "from_yaml",
    "created_by",
    "created_at",
    "updated_at",
    "previous_secret_expires_at",
}


def test_every_column_is_declared_or_not_set_by_a_person() -> None:
    columns = set(triggers.c.keys())

    assert columns - SECRET_COLUMNS - NOT_SET_BY_A_PERSON == COLUMNS.keys()


def test_names_and_options_are_unique() -> None:
    options = [field.option for field in FIELDS if field.option]

    assert len({field.name for field in FIELDS}) == len(FIELDS)
    assert len(set(options)) == len(options)


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_each_field_is_explained_and_has_a_place_in_the_form(field: Field) -> None:
    assert field.help.endswith(".")
    assert field.label
    assert field.group in GROUPS
    assert field.default_text or field.required or not field.unit


def test_defaults_are_valid() -> None:
    definition.require_valid(NewTrigger(name="a", action_payload="b").columns())


def test_a_column_that_is_not_declared_is_refused() -> None:
    with pytest.raises(TypeError, match="no column 'colour'"):
        NewTrigger(name="a", colour="red")


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("max_concurrency", 0, "max_concurrency is a number from 1 to 1000"),
        ("max_concurrency", 1001, "max_concurrency is a number from 1 to 1000"),
        ("tolerance_seconds", -0.5, "tolerance_seconds is a number from 0 to 1000000000"),
        ("keep_rows_seconds", float("nan"), "keep_rows_seconds is a number from 0 to 3153600000"),
        ("agent", "x" * 101, "agent must have at most 100 characters"),
        ("missing_key", "ignore", "missing_key must be one of accept, refuse"),
        ("type", "cron", "type must be one of webhook, event"),
    ],
)
def test_a_value_out_of_bounds_is_one_sentence(name: str, value: Any, sentence: str) -> None:
    columns = NewTrigger(name="a", action_payload="b", **{name: value}).columns()

    with pytest.raises(InvalidTrigger) as found:
        definition.require_valid(columns)

    assert str(found.value) == sentence


def test_an_action_that_cannot_work_is_one_mistake_and_not_two() -> None:
    with pytest.raises(InvalidTrigger) as found:
        definition.require_valid(NewTrigger(name="a").columns())

    assert ";" not in str(found.value)


@pytest.mark.parametrize(
    ("name", "value", "stored"),
    [
        ("event_filter", None, "{}"),
        ("event_filter", "", "{}"),
        ("event_filter", {"a": "b"}, '{"a": "b"}'),
        ("retry_policy", None, None),
        ("action_payload", None, ""),
        ("action_payload", {"url": "u"}, '{"url": "u"}'),
        ("idempotency_key_from", [], None),
        ("idempotency_key_from", "hash", "hash"),
        ("idempotency_key_from", ["hash"], "hash"),
        ("idempotency_key_from", ["provider", "hash"], '["provider", "hash"]'),
        ("tolerance_seconds", 30, 30.0),
        ("keep_rows_seconds", 10**400, 10**400),
        ("max_concurrency", 4, 4),
        ("enabled", False, False),
    ],
)
def test_a_value_is_stored_as_its_column_keeps_it(name: str, value: Any, stored: Any) -> None:
    found = COLUMNS[name].stored(value)

    assert (found, type(found)) == (stored, type(stored))


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("idempotency_key_from", [1], "must be text or a list of texts"),
        ("idempotency_key_from", "luck", "is not a part of a key"),
        ("retry_policy", {"a": {1}}, "quote it"),
    ],
)
def test_a_value_that_cannot_be_stored_is_a_sentence(name: str, value: Any, sentence: str) -> None:
    with pytest.raises(InvalidTrigger, match=sentence):
        COLUMNS[name].stored(value)

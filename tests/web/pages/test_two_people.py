"""Two people change one thing at a time: neither undoes what the other did without being told."""

import json

import pytest
from falcon import testing

from app.triggers import lookup
from tests.support import factories
from tests.support.api import Api
from tests.support.visitor import Visitor, hidden


@pytest.fixture
def ada(client: testing.TestClient, admin: str) -> Visitor:
    visitor = Visitor(client)
    visitor.log_in(admin)
    return visitor


def shown(visitor: Visitor, path: str) -> dict[str, str]:
    """Return the hidden fields of the form on this page."""
    return hidden(visitor.get(path).text)


def test_two_who_edit_different_fields_both_change_theirs(api: Api, ada: Visitor) -> None:
    retries = json.dumps({"max_attempts": 3, "base_seconds": 2})
    trigger_id = factories.trigger(api.database, agent="ada", retry_policy=retries)
    path = f"/triggers/{trigger_id}/edit"
    as_shown = {"agent": "ada", "retry_max_attempts": "3", "retry_base_seconds": "2s"}
    of_first, of_second = shown(ada, path), shown(ada, path)

    first = as_shown | {"agent": "grace", "retry_max_attempts": "5"}
    second = as_shown | {"retry_base_seconds": "9s"}
    answers = [ada.post(path, of_first | first), ada.post(path, of_second | second)]

    assert [each.status_code for each in answers] == [303, 303]
    with api.database.reading() as connection:
        row = lookup.find_trigger(connection, trigger_id)
    assert row.agent == "grace"
    assert json.loads(row.retry_policy) == {"max_attempts": 5, "base_seconds": 9}
    assert len(api.changes("trigger.update")) == 2


def test_who_edits_a_field_that_somebody_changed_meanwhile_is_told_and_can_save_again(
    api: Api, ada: Visitor
) -> None:
    trigger_id = factories.trigger(api.database, agent="ada")
    path = f"/triggers/{trigger_id}/edit"
    of_first, of_second = shown(ada, path), shown(ada, path)
    ada.post(path, of_first | {"agent": "grace"})

    told = ada.post(path, of_second | {"agent": "joan"})
    again = ada.post(path, hidden(told.text) | {"agent": "joan"})

    assert told.status_code == 422
    assert "was changed meanwhile, to grace: save again to replace that" in told.text
    assert 'value="joan"' in told.text
    assert again.status_code == 303
    assert [json.loads(each.after)["agent"] for each in api.changes("trigger.update")] == [
        "grace",
        "joan",
    ]


def test_who_rotates_a_secret_that_was_rotated_meanwhile_is_told_before_the_old_one_ends(
    api: Api, ada: Visitor
) -> None:
    trigger_id = factories.trigger(api.database)
    path = f"/triggers/{trigger_id}/rotate"
    of_first, of_second = shown(ada, path), shown(ada, path)
    ada.post(path, of_first)

    told = ada.post(path, of_second)

    assert told.status_code == 422
    assert "the secret was rotated meanwhile" in told.text
    assert "stops working immediately" in told.text
    assert len(api.changes("trigger.rotate_secret")) == 1
    assert ada.post(path, hidden(told.text)).status_code == 200

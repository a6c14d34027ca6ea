"""The form of a trigger: a sender is chosen first, and a mistake is shown at its field."""

import re

import pytest
import sqlalchemy as sa
from falcon import testing

from app import clock
from app.db.models import delivery_journal, triggers
from app.intake import sources
from app.triggers import lookup, manage
from app.web.pages import trigger_setup
from tests.support import factories
from tests.support.api import Api
from tests.support.samples import SECRET
from tests.support.visitor import Visitor

FORM = {"type": "webhook", "action_type": "script", "action_payload": "hello"}


@pytest.fixture
def ada(client: testing.TestClient, admin: str) -> Visitor:
    visitor = Visitor(client)
    visitor.log_in(admin)
    return visitor


@pytest.fixture
def grace(client: testing.TestClient, operator: str) -> Visitor:
    visitor = Visitor(client)
    visitor.log_in(operator)
    return visitor


def inputs(page: str) -> set[str]:
    """Return the names of the inputs that a person can fill."""
    return set(re.findall(r'<(?:input|select|textarea) id="i-[^"]*" name="([^"]*)"', page))


def at_once(page: str) -> set[str]:
    return inputs(page.partition("<details")[0])


def test_every_sender_is_a_link_to_a_form_with_its_fields(grace: Visitor) -> None:
    chosen = re.findall(r'href="/triggers/new\?source=(\w+)"', grace.get("/triggers/new").text)

    assert sorted(chosen) == sources.names()
    for name in chosen:
        page = grace.get(f"/triggers/new?source={name}").text
        timed = sources.named(name).tolerance_seconds is not None
        assert len(at_once(page)) <= 5, name
        assert ("verification" in inputs(page)) is (name == "custom"), name
        assert ("tolerance_seconds" in inputs(page)) is (timed or name == "custom"), name


def test_a_trigger_without_a_sender_has_no_field_of_one(grace: Visitor) -> None:
    page = grace.get("/triggers/new?type=event").text

    without = {"secret", "source", "tolerance_seconds", "event_filter", "idempotency_key_from"}
    assert inputs(page) & without == set()


def test_an_unknown_sender_is_named(grace: Visitor) -> None:
    answer = grace.get("/triggers/new?source=nobody")

    assert answer.status_code == 422
    assert "there is no source" in answer.text


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("name", ""),
        ("name", "taken"),
        ("secret", "no hex"),
        ("event_filter", "{"),
        ("action_type", "fly"),
        ("action_payload", ""),
        ("idempotency_key_from", "somewhere"),
        ("tolerance_seconds", "soon"),
        ("tolerance_seconds", "9000000d"),
        ("retry_max_attempts", "0"),
        ("retry_cap_seconds", "long"),
        ("max_concurrency", "many"),
        ("keep_rows_seconds", "-1d"),
    ],
)
def test_a_mistake_is_shown_at_its_field_and_what_was_typed_is_kept(
    api: Api, grace: Visitor, field: str, text: str
) -> None:
    factories.trigger(api.database, name="taken", slug="taken")
    form = FORM | {"name": "Mine", "source": "discord", "agent": "typed before", field: text}

    page = grace.post("/triggers", form).text

    tag = re.findall(rf'<(?:input|select|textarea) id="i-{field}"[^>]*>', page)[0]
    assert f'aria-describedby="e-{field} h-{field}" aria-invalid="true"' in tag
    assert f'<p dir="auto" class="mistake" id="e-{field}">' in page
    assert page.count('aria-invalid="true"') == 1
    assert 'value="typed before"' in page
    assert f'href="#i-{field}"' in page
    folded = page.partition(f'id="i-{field}"')[0].rpartition("<details")[2]
    assert folded.startswith((" open", "!doctype")) or field in at_once(page)


MISTAKES = {
    "name": "taken",
    "keep_rows_seconds": "soon",
    "retry_cap_seconds": "long",
    "retry_max_attempts": "0",
    "retry_factor": "0",
    "max_concurrency": "many",
    "event_filter": "{",
    "idempotency_key_from": "somewhere",
    "action_payload": "",
}
"""Mistakes of every kind: no duration, no number, a number out of bounds, text without meaning."""


def mistaken(page: str) -> set[str]:
    return set(re.findall(r'class="mistake" id="e-(\w+)"', page))


def test_all_mistakes_are_shown_at_once_each_at_its_field(api: Api, grace: Visitor) -> None:
    factories.trigger(api.database, name="taken", slug="taken")
    trigger_id = factories.trigger(api.database, name="mine", slug="mine", source="discord")
    form = FORM | {"source": "discord"} | MISTAKES

    made = grace.post("/triggers", form | {"secret": "no hex"})
    changed = grace.post(f"/triggers/{trigger_id}/edit", form)

    assert (made.status_code, changed.status_code) == (422, 422)
    assert mistaken(made.text) == {*MISTAKES, "secret"}
    assert mistaken(changed.text) == {*MISTAKES}
    assert api.changes("trigger.update") == api.changes("trigger.add") == []


def test_a_field_that_depends_on_a_mistake_is_not_judged(grace: Visitor) -> None:
    form = FORM | {"source": "discord", "name": "", "action_type": "fly", "action_payload": ""}

    page = grace.post("/triggers", form | {"keep_rows_seconds": "soon"}).text

    assert mistaken(page) == {"name", "action_type", "keep_rows_seconds"}


def test_a_duration_is_entered_and_shown_with_its_unit(api: Api, grace: Visitor) -> None:
    form = FORM | {"name": "Kept", "source": "custom", "keep_rows_seconds": "30d"}
    form |= {"retry_cap_seconds": "1.5h", "tolerance_seconds": "90"}
    assert grace.post("/triggers", form).status_code == 201

    with api.database.reading() as connection:
        row = lookup.find_trigger(connection, "Kept")
    page = grace.get(f"/triggers/{row.id}/edit").text

    assert (row.keep_rows_seconds, row.tolerance_seconds) == (2_592_000, 90)
    assert row.retry_policy == '{"cap_seconds": 5400}'
    for shown in ("30d", "90m", "90s"):
        assert f'value="{shown}"' in page


def test_the_placeholders_are_the_defaults_of_this_sender(grace: Visitor) -> None:
    page = grace.get("/triggers/new?source=stripe").text

    tag = re.findall(r'<input id="i-tolerance_seconds"[^>]*>', page)[0]
    assert 'placeholder="5m"' in tag
    assert 'placeholder="whsec_..."' in page
    assert 'placeholder="provider"' in page


def test_an_admin_enters_a_new_secret_in_the_edit_form_and_an_operator_cannot(
    api: Api, ada: Visitor, grace: Visitor
) -> None:
    trigger_id = factories.trigger(api.database, source="stripe")
    path = f"/triggers/{trigger_id}/edit"

    assert 'name="secret"' not in grace.get(path).text
    assert grace.post(path, {"secret": "whsec_stolen"}).status_code == 403
    assert api.changes("trigger.update") == []
    assert ada.post(path, {"secret": "whsec_new"}).status_code == 303

    with api.database.reading() as connection:
        row = connection.execute(sa.select(triggers)).one()
    assert api.database.secret_box.decrypt(row) == "whsec_new"
    assert row.previous_secret == SECRET
    assert "whsec_new" not in ada.get(path).text + str(api.changes())


def test_a_rotation_stores_the_secret_of_the_sender_or_says_why_not(api: Api, ada: Visitor) -> None:
    trigger_id = factories.trigger(api.database, source="discord")
    path = f"/triggers/{trigger_id}/rotate"
    assert "makes it: enter its public key" in ada.get(path).text

    wrong = ada.post(path, {"secret": "not hex"})
    right = ada.post(path, {"secret": "ab" * 32})

    assert (wrong.status_code, right.status_code) == (422, 303)
    assert 'aria-invalid="true"' in wrong.text
    assert "64 digits" in wrong.text
    assert right.headers["Location"].endswith("?done=rotated")
    assert len(api.changes("trigger.rotate_secret")) == 1


def test_where_the_sender_makes_the_secret_no_random_one_is_shown(grace: Visitor) -> None:
    form = FORM | {"name": "Paid", "source": "stripe"}

    made = grace.post("/triggers", form).text
    entered = grace.post("/triggers", form | {"name": "Paid 2", "secret": "whsec_mine"}).text

    assert 'id="secret"' not in made
    assert "Stripe makes the secret: its signing secret." in made
    assert 'value="whsec_mine"' in entered


@pytest.mark.parametrize(
    ("url", "reach"),
    [
        ("http://127.0.0.1:8000", "this machine only"),
        ("http://localhost", "this machine only"),
        ("http://[::1]:8000", "this machine only"),
        ("http://0.0.0.0:8000", "this machine only"),
        ("http://10.1.2.3", "your own network only"),
        ("http://hooks", "your own network only"),
        ("http://hooks.local", "your own network only"),
        ("https://hooks.acme.example", ""),
        ("https://1.1.1.1", ""),
        ("https://[2606:4700::1111]", ""),
    ],
)
def test_an_address_that_senders_cannot_reach_is_named(url: str, reach: str) -> None:
    assert trigger_setup.unreachable(url) == reach


def test_the_checklist_tells_of_a_refusal_and_turns_green_with_the_first_event(
    api: Api, grace: Visitor
) -> None:
    trigger_id = factories.trigger(api.database, source="github")
    path = f"/triggers/{trigger_id}/setup"
    manage.try_trigger(api.database, trigger_id)
    waiting = grace.get(path).text
    refused = {"trigger_id": trigger_id, "at": clock.now(), "outcome": "refused_bad_signature"}
    refused |= {"size": 1, "stored_bytes": 1, "more": 0, "events": 1, "headers": "{}"}
    with api.database.writing() as connection:
        connection.execute(sa.insert(delivery_journal).values(refused))
    told = grace.get(path, **{"X-Part": "live"}).text
    execution_id = factories.execution(api.database, trigger_id)
    factories.request_of(api.database, execution_id, b"{}", "application/json")
    green = grace.get(path, **{"X-Part": "live"}).text

    assert "Waiting for the first event." in waiting
    assert "Settings &gt; Webhooks &gt; Add webhook" in waiting
    assert "A delivery was refused bad signature" in told
    assert 'href="/deliveries/' in told
    assert "Waiting" not in green
    assert f'href="/executions/{execution_id}"' in green
    assert "data-ended" in green

"""A secret is changed without a gap: for a while both are good, then only the new one."""

from datetime import timedelta

import pytest

from app import masking
from app.db import Database
from app.db.schema import SchemaWatch
from app.errors import InvalidTrigger, Unverified
from app.intake.message import OK
from app.intake.receive import Intake, greet, receive
from app.intake.trigger_cache import TriggerCache
from app.triggers import lookup, manage
from tests.support import factories, samples
from tests.support.databases import migrate

GRACE_SECONDS = 3600.0
NEW = "a-new-secret"


def deliver(intake: Intake, trigger_id: int, secret: str) -> object:
    sent = samples.Sent({"Content-Type": "application/json"}, b'{"a": 1}')
    signed = samples.signed("custom", sent, secret=secret)
    return receive(factories.request(signed, trigger_id), intake)


@pytest.fixture
def rotated(database: Database) -> int:
    trigger_id = factories.trigger(database)
    manage.rotate_secret(database, str(trigger_id), GRACE_SECONDS, NEW)
    return trigger_id


def intake_after(database: Database, trigger_id: int, seconds: float) -> Intake:
    """An intake whose clock stands so long after the rotation."""
    with database.reading() as connection:
        row = lookup.find_trigger(connection, str(trigger_id))
    moment = row.previous_secret_expires_at + timedelta(seconds=seconds - GRACE_SECONDS)
    return Intake(database, TriggerCache(database), SchemaWatch(database), now=lambda: moment)


@pytest.mark.parametrize("secret", [samples.SECRET, NEW], ids=["old", "new"])
def test_within_the_grace_period_both_are_good(
    database: Database, rotated: int, secret: str
) -> None:
    intake = intake_after(database, rotated, seconds=GRACE_SECONDS - 1)

    assert deliver(intake, rotated, secret) == OK


def test_after_it_the_old_one_is_refused(database: Database, rotated: int) -> None:
    intake = intake_after(database, rotated, seconds=GRACE_SECONDS)

    with pytest.raises(Unverified, match="bad_signature"):
        deliver(intake, rotated, samples.SECRET)


def test_after_it_the_new_one_is_good(database: Database, rotated: int) -> None:
    intake = intake_after(database, rotated, seconds=GRACE_SECONDS)

    assert deliver(intake, rotated, NEW) == OK


@pytest.mark.parametrize(
    ("secret", "seconds", "status"),
    [(samples.SECRET, -1, 200), (NEW, -1, 200), (samples.SECRET, 0, 403), (NEW, 0, 200)],
)
def test_a_question_is_answered_under_either_as_long_as_both_are_good(
    database: Database, secret: str, seconds: float, status: int
) -> None:
    trigger_id = factories.trigger(database, source="whatsapp")
    manage.rotate_secret(database, trigger_id, GRACE_SECONDS, NEW)
    intake = intake_after(database, trigger_id, GRACE_SECONDS + seconds)
    query = {"hub.mode": "subscribe", "hub.verify_token": secret, "hub.challenge": "7"}

    answer = greet(factories.request(samples.Sent(query=query), trigger_id), intake)

    assert answer.status == status


def test_neither_is_shown_again(database: Database, rotated: int) -> None:
    with database.reading() as connection:
        shown = str(masking.public(lookup.find_trigger(connection, str(rotated))))

    assert samples.SECRET not in shown
    assert NEW not in shown


@pytest.mark.parametrize("secret", ["", "x" * 256], ids=["empty", "too long"])
def test_a_secret_that_cannot_be_is_refused(database: Database, rotated: int, secret: str) -> None:
    with pytest.raises(InvalidTrigger):
        manage.rotate_secret(database, str(rotated), GRACE_SECONDS, secret)


def test_on_the_revision_before_the_new_one_is_good(
    database_url: str, rotated: int, intake: Intake
) -> None:
    migrate(database_url, to="0006", down=True)

    assert deliver(intake, rotated, NEW) == OK


@pytest.mark.parametrize("grace_seconds", [-1.0, 1e300, float("inf"), float("nan")])
def test_a_grace_period_that_is_none_is_refused(database: Database, grace_seconds: float) -> None:
    trigger_id = factories.trigger(database)

    with pytest.raises(InvalidTrigger, match="the grace period must be"):
        manage.rotate_secret(database, trigger_id, grace_seconds)

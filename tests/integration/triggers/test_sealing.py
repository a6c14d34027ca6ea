"""Secrets are sealed in the database, and opened where they are used."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.util import CommandError

from app import health, masking
from app.audit import UNNAMED
from app.db import Database
from app.db.models import triggers
from app.errors import InvalidSetting, InvalidTrigger, SecretSealed
from app.executions.due import DueTrigger
from app.intake.receive import create_intake, receive
from app.settings import from_environment
from app.triggers import apply_file, lookup, manage, sealing
from app.triggers.apply_file import DeclaredTrigger
from app.worker import claim
from tests.support import factories, found_databases
from tests.support.databases import migrate
from tests.support.samples import SECRET, Sent, signed
from tests.support.schema_dump import data

OLD, NEW = "the first key of all", "a key that came later"
CANARY = "canary-4f1d-secret"


@contextmanager
def keyed(url: str, keys: str) -> Iterator[Database]:
    """The database as a process with these keys has it."""
    database = Database(from_environment({"DATABASE_URL": url, "HOOKONCE_SECRET_KEY": keys}))
    try:
        yield database
    finally:
        database.dispose()


def status(database: Database, trigger_id: int, secret: str = CANARY) -> int:
    """The answer to an event signed with this secret."""
    sent = signed("custom", Sent({"content-type": "application/json"}, b"{}"), secret=secret)
    return receive(factories.request(sent, trigger_id), create_intake(database)).status


def sealed_rows(database: Database) -> list[sa.Row[tuple[str | None, str | None]]]:
    with database.reading() as connection:
        query = sa.select(triggers.c.secret, triggers.c.sealed_secret).order_by(triggers.c.id)
        return list(connection.execute(query))


def test_a_new_secret_is_sealed_and_still_verifies(database_url: str) -> None:
    with keyed(database_url, OLD) as database:
        made = manage.add_trigger(
            database, manage.NewTrigger(name="t", action_payload="s", secret=CANARY)
        )
        answer = status(database, made.id)

    assert database.secret_box.decrypt(made) == CANARY
    assert made.secret == ""
    assert answer == 200
    assert CANARY not in str(data(database_url)["triggers"])


def test_a_rotated_secret_and_the_one_before_are_sealed_and_both_verify(database_url: str) -> None:
    with keyed(database_url, OLD) as database:
        id_ = factories.trigger(database, secret=CANARY)
        row = manage.rotate_secret(database, str(id_), 60.0, "its-successor")
        answers = [status(database, id_, secret) for secret in (CANARY, "its-successor")]

    assert answers == [200, 200]
    assert (row.secret, row.previous_secret) == ("", "")
    assert CANARY not in str(data(database_url)["triggers"])


def test_what_stands_in_the_clear_is_sealed_and_unsealed_again(database_url: str) -> None:
    until = datetime.now(UTC) + timedelta(hours=1)
    with keyed(database_url, OLD) as database:
        for number in range(sealing.AT_ONCE + 1):
            factories.trigger(
                database,
                secret=f"{CANARY}-{number}",
                previous_secret=CANARY,
                previous_secret_expires_at=until,
            )
        factories.trigger(database, secret=None)
        before = data(database_url)

        sealed = sum(sealing.reseal(database))
        between = data(database_url)["triggers"]
        again = sum(sealing.reseal(database))
        unsealed = sum(sealing.unseal(database))

    assert (sealed, again, unsealed) == (
        sealing.AT_ONCE + 1,
        0,
        sealing.AT_ONCE + 1,
    )
    assert CANARY not in str(between)
    after = data(database_url)
    record = after.pop("hookonce_audit")
    assert after == {name: rows for name, rows in before.items() if name != "hookonce_audit"}
    assert CANARY not in str(record)


def test_the_key_is_changed_without_a_gap(database_url: str) -> None:
    with keyed(database_url, OLD) as database:
        id_ = factories.trigger(database, secret=CANARY)
        sum(sealing.reseal(database))
    with keyed(database_url, f"{NEW}, {OLD}") as database:
        during = status(database, id_)
        changed = sum(sealing.reseal(database))
    with keyed(database_url, NEW) as database:
        after = status(database, id_)

    assert (during, changed, after) == (200, 1, 200)


def test_found_secrets_that_may_not_be_missing_are_sealed_and_unsealed_again(
    empty_url: str,
) -> None:
    found_databases.make(empty_url)
    migrate(empty_url)
    before = data(empty_url)["triggers"]
    with keyed(empty_url, OLD) as database:
        sealed = sum(sealing.reseal(database))
        new = manage.NewTrigger(name="new", action_payload="s", secret=CANARY)
        made = manage.add_trigger(database, new)
        rotated = manage.rotate_secret(database, "new", 60.0, "its-successor")
        answers = [status(database, made.id, secret) for secret in (CANARY, "its-successor")]
        sum(sealing.unseal(database))

    assert sealed == len(before)
    assert (made.secret, rotated.secret) == ("", "")
    assert answers == [200, 200]
    assert [row for row in data(empty_url)["triggers"] if row["name"] != "new"] == before


@pytest.mark.parametrize("keys", [NEW, ""])
def test_a_secret_that_cannot_be_opened_is_our_own_trouble_and_refuses_nobody(
    database_url: str, keys: str
) -> None:
    with keyed(database_url, OLD) as database:
        id_ = factories.trigger(database, secret=CANARY)
        sum(sealing.reseal(database))

    with keyed(database_url, keys) as database, pytest.raises(SecretSealed):
        status(database, id_)


def test_a_trigger_whose_key_is_lost_gets_a_new_secret_where_the_old_one_need_not_stay_good(
    database_url: str,
) -> None:
    with keyed(database_url, OLD) as database:
        id_ = factories.trigger(database, secret=CANARY, previous_secret=CANARY)
        sum(sealing.reseal(database))
    with keyed(database_url, NEW) as database:
        with pytest.raises(SecretSealed):
            manage.rotate_secret(database, id_, 60.0, "its-successor")
        row = manage.rotate_secret(database, id_, 0.0, "its-successor")
        answer = status(database, id_, "its-successor")
        resealed = sum(sealing.reseal(database))

    assert (answer, resealed) == (200, 0)
    assert (row.previous_secret, row.sealed_previous_secret) == (None, None)


def test_secrets_that_our_keys_do_not_open_are_named(database_url: str) -> None:
    with keyed(database_url, OLD) as database:
        factories.trigger(database, slug="lost", secret=CANARY)
        sum(sealing.reseal(database))
    with keyed(database_url, NEW) as database:
        factories.trigger(database, slug="clear")
        with database.reading() as connection:
            found = sealing.unopened(connection, database.secret_box)
            counts = sealing.counts(connection)

    assert found == ["lost"]
    assert counts == {"sealed": 1, "clear": 1}


def test_sealing_without_a_key_changes_nothing(database: Database) -> None:
    factories.trigger(database)

    with pytest.raises(InvalidSetting, match="HOOKONCE_SECRET_KEY"):
        sum(sealing.reseal(database))

    assert sealed_rows(database) == [(SECRET, None)]


def test_a_key_too_short_is_refused_and_never_repeated() -> None:
    with pytest.raises(InvalidSetting) as refused:
        from_environment({"HOOKONCE_SECRET_KEY": "short-canary"})

    assert "HOOKONCE_SECRET_KEY" in str(refused.value)
    assert "short-canary" not in str(refused.value)


def test_keys_and_secrets_are_in_no_representation() -> None:
    chosen = from_environment({"HOOKONCE_SECRET_KEY": OLD})
    database = Database(chosen)

    assert OLD not in repr(chosen) + repr(database.secret_box)


def test_sealed_secrets_are_not_taken_down_unless_asked(empty_url: str) -> None:
    migrate(empty_url)
    with keyed(empty_url, OLD) as database:
        factories.trigger(database, secret=CANARY)
        sum(sealing.reseal(database))
    migrate(empty_url, to="0015", down=True)
    rows = data(empty_url)

    with pytest.raises(CommandError, match="hookonce secret unseal"):
        migrate(empty_url, to="0014", down=True)
    kept = data(empty_url)
    migrate(empty_url, to="0014", down=True, sealed="stash")
    migrate(empty_url, to="0015")

    assert kept == rows
    assert data(empty_url) == rows


def test_secrets_are_unsealed_where_the_downgrade_stopped_for_them(empty_url: str) -> None:
    migrate(empty_url)
    with keyed(empty_url, OLD) as database:
        factories.trigger(database, secret=CANARY)
        sum(sealing.reseal(database))

    with pytest.raises(CommandError, match="hookonce secret unseal"):
        migrate(empty_url, to="0014", down=True)
    with keyed(empty_url, OLD) as database:
        unsealed = sum(sealing.unseal(database))
    migrate(empty_url, to="0014", down=True)

    assert unsealed == 1
    assert [row["secret"] for row in data(empty_url)["triggers"]] == [CANARY]


def test_the_check_names_the_triggers_whose_secrets_do_not_open(database_url: str) -> None:
    with keyed(database_url, OLD) as database:
        factories.trigger(database, slug="lost", secret=CANARY)
        sum(sealing.reseal(database))
        fit = health.secrets_open(database)
    with keyed(database_url, NEW) as database:
        unfit = health.secrets_open(database)

    assert (fit.passed, fit.detail) == (True, "1 sealed, 0 not sealed")
    assert (unfit.passed, "lost" in unfit.detail) == (False, True)


HEADERS = {"X-Functions-Key": CANARY}
PAYLOAD = json.dumps({"url": "https://a.example/?code=canary-code", "headers": HEADERS})
PLAIN = "https://a.example/in"


def stored(url: str) -> list[tuple[str, str | None]]:
    """Return both columns of each action's payload."""
    return [(row["action_payload"], row["sealed_action_payload"]) for row in data(url)["triggers"]]


def add(database: Database, name: str, payload: str = PAYLOAD) -> sa.Row[Any]:
    new = manage.NewTrigger(name=name, action_type="http", action_payload=payload)
    return manage.add_trigger(database, new)


def run(database: Database, trigger_id: int) -> tuple[str, str]:
    """Return payload and error of the attempt that a worker claims."""
    factories.execution(database, trigger_id)
    settings = from_environment({"HOOKONCE_SECRET_KEY": ",".join(database.secret_box.keys)})
    with database.writing() as connection:
        (attempt,) = claim.due(connection, "w", [(DueTrigger(trigger_id, 0.0), 1)], settings)
    return attempt.work.action_payload, str(attempt.precondition_error or "")


def test_the_secrets_of_an_action_are_sealed_and_the_worker_has_them(database_url: str) -> None:
    with keyed(database_url, OLD) as database:
        sealed, plain = add(database, "sealed"), add(database, "plain", PLAIN)
        claimed = [run(database, row.id) for row in (sealed, plain)]

    assert claimed == [(PAYLOAD, ""), (PLAIN, "")]
    assert (plain.action_payload, plain.sealed_action_payload) == (PLAIN, None)
    assert sealed.action_payload == masking.masked(PAYLOAD)
    assert "canary" not in str(data(database_url))


@pytest.mark.parametrize("keys", [NEW, ""])
def test_a_payload_that_cannot_be_opened_fails_its_own_trigger_alone(
    database_url: str, keys: str
) -> None:
    with keyed(database_url, OLD) as database:
        sealed, plain = add(database, "sealed"), add(database, "plain", PLAIN)
        sum(sealing.unseal(database))
        with database.writing() as connection:  # secrets in the clear, the payload sealed
            connection.execute(
                sa.update(triggers)
                .where(triggers.c.id == sealed.id)
                .values(database.secret_box.payload_columns(PAYLOAD))
            )
    with keyed(database_url, keys) as database:
        claimed = [run(database, row.id) for row in (sealed, plain)]
        with database.reading() as connection:
            unopened = sealing.unopened(connection, database.secret_box)
        with pytest.raises(SecretSealed):
            manage.update_trigger(database, sealed.id, {"action_payload": sealed.action_payload})
        manage.update_trigger(database, sealed.id, {"enabled": False})
        manage.update_trigger(database, sealed.id, {"action_payload": PLAIN})
        mended = run(database, sealed.id)

    assert claimed[0][0] == ""
    assert "HOOKONCE_SECRET_KEY" in claimed[0][1]
    assert (claimed[1], mended) == ((PLAIN, ""), (PLAIN, ""))
    assert unopened == ["sealed"]


def test_a_sealed_payload_is_changed_and_a_masked_value_kept(database_url: str) -> None:
    with keyed(database_url, OLD) as database:
        row = add(database, "t")
        shown = str(row.action_payload)
        manage.update_trigger(database, row.id, {"action_payload": shown.replace("/?", "/in?")})
        kept = run(database, row.id)[0]
        other = kept.replace("canary-code", "canary-next")
        manage.update_trigger(database, row.id, {"action_payload": other})
        elsewhere = shown.replace("a.example", "b.example")
        with pytest.raises(InvalidTrigger, match="give the secret anew"):
            manage.update_trigger(database, row.id, {"action_payload": elsewhere})
        changed = run(database, row.id)[0]

    assert json.loads(kept) == json.loads(PAYLOAD.replace("/?", "/in?"))
    assert json.loads(changed) == json.loads(other)
    rows = data(database_url)["hookonce_audit"]
    changes = [row["after"] for row in rows if row["action"] == "trigger.update"]
    assert all("action_payload" in after for after in changes)
    assert "canary" not in str(rows)


def test_a_file_compares_with_the_opened_payload(database_url: str) -> None:
    with keyed(database_url, OLD) as database:
        entries = [DeclaredTrigger("t", {"name": "t", "action_type": "http", **_payload(PAYLOAD)})]
        for step in apply_file.plan(database, entries):
            apply_file.carry_out(database, step, UNNAMED, 0.0)
        again = apply_file.plan(database, entries)
        changed = {"name": "t", **_payload(PAYLOAD.replace("canary-code", "next"))}
        (step,) = apply_file.plan(database, [DeclaredTrigger("t", changed)])
        apply_file.carry_out(database, step, UNNAMED, 0.0)
        with database.reading() as connection:
            row = lookup.find_trigger(connection, "t")
        opened = database.secret_box.payload(row)

    assert [each.kind for each in again] == ["unchanged"]
    assert opened == PAYLOAD.replace("canary-code", "next")


def _payload(payload: str) -> dict[str, str]:
    return {"action_payload": payload}


def test_payloads_are_sealed_resealed_and_unsealed_by_the_commands(database_url: str) -> None:
    with keyed(database_url, "") as database:
        add(database, "t")
        before = stored(database_url)
    with keyed(database_url, OLD) as database:
        with database.reading() as connection:
            clear = sealing.counts(connection)
        first = sum(sealing.reseal(database))
        with database.reading() as connection:
            sealed = sealing.counts(connection)
    with keyed(database_url, f"{NEW},{OLD}") as database:
        second, third = sum(sealing.reseal(database)), sum(sealing.reseal(database))
    between = stored(database_url)
    with keyed(database_url, NEW) as database:
        sum(sealing.unseal(database))

    assert (clear, sealed) == ({"sealed": 0, "clear": 2}, {"sealed": 2, "clear": 0})
    assert (first, second, third) == (1, 1, 0)
    assert "canary" not in str(between)
    assert stored(database_url) == before == [(PAYLOAD, None)]


def test_a_payload_that_older_code_changed_counts_and_is_sealed_again(database_url: str) -> None:
    with keyed(database_url, OLD) as database:
        row = add(database, "t")
        newer = PAYLOAD.replace("canary-code", "canary-newer")
        with database.writing() as connection:
            connection.execute(sa.update(triggers).values(action_payload=newer))
        claimed = run(database, row.id)[0]
        changed = sum(sealing.reseal(database))
        again = run(database, row.id)[0]

    assert (claimed, changed, again) == (newer, 1, newer)
    assert "canary" not in str(stored(database_url))


def test_the_revision_seals_and_opens_payloads_where_a_key_is_set(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate(empty_url)
    with keyed(empty_url, "") as database:
        for number in range(3):
            add(database, f"sealed {number}")
        add(database, "plain", PLAIN)
    migrate(empty_url, to="0018", down=True)
    before = data(empty_url)

    monkeypatch.setenv("HOOKONCE_SECRET_KEY", OLD)
    migrate(empty_url, to="0019")
    sealed = stored(empty_url)
    migrate(empty_url, to="0018", down=True)

    assert data(empty_url) == before
    assert "canary" not in str(sealed)
    assert sum(1 for _, each in sealed if each is not None) == 3


@pytest.mark.parametrize("keys", ["", NEW])
def test_sealed_payloads_are_not_taken_down_without_their_key_unless_asked(
    empty_url: str, monkeypatch: pytest.MonkeyPatch, keys: str
) -> None:
    migrate(empty_url)
    with keyed(empty_url, OLD) as database:
        add(database, "t")
    migrate(empty_url, to="0019", down=True)
    rows = data(empty_url)
    monkeypatch.setenv("HOOKONCE_SECRET_KEY", keys)

    with pytest.raises(CommandError, match=r"1 row.*set it to their key"):
        migrate(empty_url, to="0018", down=True)
    kept = data(empty_url)
    migrate(empty_url, to="0018", down=True, sealed="stash")
    migrate(empty_url, to="0019")

    assert kept == rows
    assert data(empty_url) == rows

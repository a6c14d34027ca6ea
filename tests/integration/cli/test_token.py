"""`hookonce token` creates, lists and revokes; the audit names the person who ran the command."""

import json
import os
import pwd

import pytest
import sqlalchemy as sa

from app import auth, clock
from app.db import Database
from app.db.models import audit
from app.errors import Unauthenticated
from tests.integration.cli.test_commands import Hookonce, hookonce, printed, sentence
from tests.support import factories

__all__ = ["hookonce"]
MYSELF = f"cli:{pwd.getpwuid(os.getuid()).pw_name}"


def on_record(database: Database) -> list[tuple[str, str, str]]:
    query = sa.select(audit.c.actor, audit.c.action, audit.c.subject).order_by(audit.c.id)
    with database.reading() as connection:
        return [tuple(row) for row in connection.execute(query)]


def test_a_token_is_printed_once_and_is_good(hookonce: Hookonce, database: Database) -> None:
    made = printed(hookonce("token", "add", "deploys", "--role", "operator", "--json"))
    listed = hookonce("token", "list", "--json")

    person = auth.of_token(database, made["token"])
    assert (person.name, person.role) == ("deploys", "operator")
    assert made["token"] not in listed.stdout
    assert "token_hash" not in listed.stdout
    assert [each["name"] for each in json.loads(listed.stdout)] == ["deploys"]


def test_a_person_reads_the_token_in_the_output(hookonce: Hookonce) -> None:
    assert auth.PREFIX in hookonce("token", "add", "me", "--role", "admin").stdout


def test_a_token_may_look_and_nothing_more_unless_it_is_said(hookonce: Hookonce) -> None:
    assert printed(hookonce("token", "add", "me", "--json"))["role"] == "viewer"


def test_a_token_expires_when_it_was_said(hookonce: Hookonce) -> None:
    made = printed(hookonce("token", "add", "me", "--expires", "30d", "--json"))

    end = clock.moment(made["expires_at"])
    assert end is not None
    assert 29 < (end - clock.now()).total_seconds() / 86_400 <= 30


@pytest.mark.parametrize(
    ("options", "said"),
    [(["--expires", "soon"], "'soon' is not a duration such as 30d"), ([], "a token needs a name")],
)
def test_a_token_that_cannot_work_is_refused(
    hookonce: Hookonce, options: list[str], said: str
) -> None:
    assert said in sentence(hookonce("token", "add", "x" if options else " ", *options))


def test_a_revoked_token_is_no_good(hookonce: Hookonce, database: Database) -> None:
    made = printed(hookonce("token", "add", "me", "--json"))

    assert "Token 1 (me) revoked." in hookonce("token", "revoke", "me").stdout
    with pytest.raises(Unauthenticated):
        auth.of_token(database, made["token"])
    assert "revoked_at" in hookonce("token", "list").stdout


def test_a_token_that_there_is_not_cannot_be_revoked(hookonce: Hookonce) -> None:
    assert "there is no token 'nobody'" in sentence(hookonce("token", "revoke", "nobody"))


def test_what_commands_change_is_on_record_as_whoever_ran_them(
    hookonce: Hookonce, database: Database
) -> None:
    dead = factories.execution(database, factories.trigger(database), "failed")
    hookonce("token", "add", "me")
    hookonce("trigger", "add", "one", "--payload", "the-script")
    hookonce("trigger", "disable", "one")
    hookonce("trigger", "enable", "one")
    hookonce("trigger", "rotate", "one")
    hookonce("trigger", "remove", "one", "--yes")
    hookonce("replay", str(dead))
    hookonce("token", "revoke", "me")
    hookonce("held", "release", "--yes")
    hookonce("held", "give-up", "--yes")
    hookonce("secret", "seal", HOOKONCE_SECRET_KEY="k" * 32)
    hookonce("secret", "unseal", "--yes", HOOKONCE_SECRET_KEY="k" * 32)

    found = on_record(database)

    assert {actor for actor, _, _ in found} == {MYSELF}
    assert [action for _, action, _ in found] == [
        "token.add",
        "trigger.add",
        "trigger.update",
        "trigger.update",
        "trigger.rotate_secret",
        "trigger.remove",
        "execution.replay",
        "token.revoke",
        "held.release",
        "held.give_up",
        "secret.seal",
        "secret.unseal",
    ]


def test_dead_letters_that_are_replayed_together_are_on_record_one_by_one(
    hookonce: Hookonce, database: Database
) -> None:
    trigger_id = factories.trigger(database)
    dead = [factories.execution(database, trigger_id, "failed") for _ in range(3)]

    hookonce("dead", "replay", "--no-wait", "--pace", "1000", "--yes")

    assert on_record(database) == [
        (MYSELF, "execution.replay", f"execution:{each}") for each in reversed(dead)
    ]

"""`hookonce triggers apply` changes triggers to match a file, and keeps a person's edits."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from app.audit import Actor
from app.db import Database
from app.db.models import audit, triggers
from app.errors import InvalidTrigger
from app.triggers import lookup, manage
from tests.integration.cli.test_commands import Hookonce, hookonce, printed, sentence
from tests.support import factories
from tests.support.databases import ROOT

__all__ = ["hookonce"]

Apply = Callable[..., Any]
ALICE = Actor("alice")
ORDERS = {
    "name": "Orders",
    "action_payload": "orders.sh",
    "event_filter": {"event": "paid"},
    "tolerance_seconds": 60,
}


@pytest.fixture
def apply(hookonce: Hookonce, tmp_path: Path) -> Apply:
    """Return a function that applies these entries as a file."""

    def run(entries: object, *options: str, **environment: str) -> Any:
        file = tmp_path / "triggers.yml"
        file.write_text(entries if isinstance(entries, str) else json.dumps({"triggers": entries}))
        return hookonce("triggers", "apply", str(file), *options, **environment)

    return run


def rows(database: Database) -> list[Any]:
    with database.reading() as connection:
        return list(connection.execute(sa.select(triggers).order_by(triggers.c.id)))


def records(database: Database) -> list[tuple[str, Any]]:
    query = sa.select(audit.c.action, audit.c.after).order_by(audit.c.id)
    with database.reading() as connection:
        return [(row.action, json.loads(row.after)) for row in connection.execute(query)]


def edit(database: Database, **changes: Any) -> None:
    manage.update_trigger(database, "orders", changes, ALICE)


def test_a_declared_trigger_is_made_marked_and_on_record(apply: Apply, database: Database) -> None:
    (told,) = printed(apply([ORDERS], "--json"))["triggers"]

    (row,) = rows(database)
    assert (row.slug, row.action_payload, row.from_yaml) == ("orders", "orders.sh", True)
    assert json.loads(row.event_filter) == {"event": "paid"}
    assert told["webhook_url"].endswith(f"/api/triggers/webhook/{row.id}")
    assert told["secret"] == row.secret
    ((action, after),) = records(database)
    assert (action, after["name"]) == ("trigger.apply", "Orders")
    assert row.secret not in json.dumps(after)


def test_applying_again_does_nothing(apply: Apply, database: Database) -> None:
    apply([ORDERS])
    before = rows(database)

    again = printed(apply([ORDERS], "--json"))["triggers"]

    assert again == [{"slug": "orders", "does": "unchanged", "changes": {}, "kept": {}}]
    assert rows(database) == before
    assert len(records(database)) == 1


def test_what_the_file_says_anew_is_changed_and_the_rest_stays(
    apply: Apply, database: Database
) -> None:
    apply([ORDERS])
    secret = rows(database)[0].secret

    told = apply([{"name": "Orders", "action_payload": "other.sh"}])

    assert told.exit_code == 0, told.output
    assert "- action_payload: orders.sh" in told.output
    assert "+ action_payload: other.sh" in told.output
    (row,) = rows(database)
    assert (row.action_payload, row.tolerance_seconds, row.secret) == ("other.sh", 60, secret)


def test_a_dry_run_says_what_would_be_done_and_does_nothing(
    apply: Apply, database: Database
) -> None:
    first = apply([ORDERS], "--dry-run")
    assert (first.exit_code, rows(database)) == (4, [])
    assert first.output.startswith("+ orders\n    + name: Orders\n")
    apply([ORDERS])

    assert apply([ORDERS], "--dry-run").exit_code == 0
    assert apply([ORDERS | {"source": "github"}], "--dry-run").exit_code == 4
    assert rows(database)[0].source == "custom"


def test_a_persons_edit_is_kept_and_told_until_forced(apply: Apply, database: Database) -> None:
    apply([ORDERS])
    edit(database, action_payload="alices.sh")
    changed = ORDERS | {"action_payload": "newer.sh", "source": "github"}

    for _ in range(2):
        kept = apply([changed], "--json")
        (told,) = json.loads(kept.stdout)["triggers"]
        assert kept.exit_code == 3
        assert told["kept"] == {
            "action_payload": {"is": "alices.sh", "file": "newer.sh", "edited_by": "alice"}
        }
        assert (rows(database)[0].action_payload, rows(database)[0].source) == (
            "alices.sh",
            "github",
        )

    assert apply([changed], "--force").exit_code == 0
    assert rows(database)[0].action_payload == "newer.sh"
    assert apply([changed | {"action_payload": "newest.sh"}]).exit_code == 0
    assert rows(database)[0].action_payload == "newest.sh"


def test_an_edit_that_the_file_agrees_with_is_none_in_its_way(
    apply: Apply, database: Database
) -> None:
    apply([ORDERS])
    edit(database, action_payload="alices.sh", agent="nobody the file names")

    assert apply([ORDERS | {"action_payload": "alices.sh"}]).exit_code == 0


def test_a_trigger_made_by_hand_is_a_persons_whole(apply: Apply, database: Database) -> None:
    factories.trigger(database, name="Orders", slug="orders", action_payload="theirs.sh")

    kept = apply([ORDERS])

    assert kept.exit_code == 3
    assert "! action_payload: theirs.sh, edited by a person" in kept.output
    assert rows(database)[0].from_yaml is False
    assert apply([ORDERS], "--force").exit_code == 0
    assert (rows(database)[0].action_payload, rows(database)[0].from_yaml) == ("orders.sh", True)


def test_a_found_row_that_a_file_made_follows_the_file(apply: Apply, database: Database) -> None:
    factories.trigger(database, name="Orders", slug="orders", from_yaml=True)

    assert apply([ORDERS]).exit_code == 0
    assert rows(database)[0].action_payload == "orders.sh"


def test_json_that_is_written_otherwise_is_no_difference(apply: Apply, database: Database) -> None:
    filter_text = '{"b":1,\n "a":"x"}'
    factories.trigger(
        database, name="Orders", slug="orders", from_yaml=True, event_filter=filter_text
    )

    same = ORDERS | {"action_payload": "does-not-exist", "event_filter": {"a": "x", "b": 1}}
    same.pop("tolerance_seconds")
    assert apply([same], "--dry-run").exit_code == 0


def test_a_secret_comes_from_the_environment_and_is_never_printed(
    apply: Apply, database: Database
) -> None:
    entry = ORDERS | {"secret_env": "ORDERS_SECRET"}

    made = apply([entry], ORDERS_SECRET="the-first-one")
    same = apply([entry], "--dry-run", ORDERS_SECRET="the-first-one")
    rotated = apply([entry], ORDERS_SECRET="the-second-one")

    (row,) = rows(database)
    assert (made.exit_code, same.exit_code, rotated.exit_code) == (0, 0, 0)
    assert (row.secret, row.previous_secret) == ("the-second-one", "the-first-one")
    assert row.previous_secret_expires_at is not None
    assert "-one" not in made.output + same.output + rotated.output
    assert "secret: (not shown)" in rotated.output
    assert apply([entry], "--dry-run", ORDERS_SECRET="the-second-one").exit_code == 0


@pytest.mark.parametrize("is_update", [False, True], ids=["rotation", "update"])
def test_a_secret_that_a_person_rotated_is_kept(
    apply: Apply, database: Database, is_update: bool
) -> None:
    entry = ORDERS | {"secret_env": "ORDERS_SECRET"}
    apply([entry], ORDERS_SECRET="the-first-one")
    if is_update:
        manage.update_trigger(database, "orders", {}, ALICE, secret="alices", grace_seconds=60)
    else:
        manage.rotate_secret(database, "orders", 60, "alices", ALICE)

    kept = apply([entry], ORDERS_SECRET="the-first-one")

    assert kept.exit_code == 3
    assert rows(database)[0].secret == "alices"
    assert apply([entry], "--force", ORDERS_SECRET="the-first-one").exit_code == 0
    assert apply([entry], ORDERS_SECRET="the-second-one").exit_code == 0


WRONG = [
    ("[", "triggers.yml cannot be read: "),
    ("triggers: []\ntriggers: []", "the key 'triggers' is there twice"),
    ("triggers:\n- name: a\n  agent: b\n  'agent': c", "'agent' is there twice"),
    ("triggers:\n- name: 2024-13-45", "the value is no timestamp in "),
    ("triggers:\n- name: x\n  enabled: !!bool no way", 'is no bool in "<unicode string>", line 3'),
    ("triggers:\n- name: !!timestamp x", "the value is no timestamp in "),
    ("- a", "triggers.yml must hold `triggers:` with a list, and nothing else"),
    ("triggers: []\nmore: 1", "triggers.yml must hold `triggers:` with a list"),
    ("triggers: [!!python/name:os.system ]", "could not determine a constructor"),
    ("webhooks: {}", "or `webhooks:` and `events:` as the older system's file does"),
    ("webhooks: []\nevents: a", "triggers.yml must hold `triggers:` with a list"),
    ("triggers:", "triggers.yml must hold `triggers:` with a list"),
    ("{}", "triggers.yml must hold `triggers:` with a list"),
    ("events:\n  - {name: a, type: webhook}", "events, entry 1 ('a'): its type is 'webhook'"),
    ("webhooks: [3]", "triggers.yml, webhooks, entry 1: it must be a mapping with a name"),
    ([3], "triggers.yml, entry 1: it must be a mapping with a name"),
    ([{"source": "custom"}], "entry 1: name is missing"),
    ([ORDERS, {"name": "b", "secret": "s"}], "entry 2 ('b'): there is no 'secret'; there are"),
    (
        [ORDERS, ORDERS | {"name": "orders!"}],
        "entry 2 ('orders!'): an entry before it is 'orders' too",
    ),
    ([ORDERS | {"source": "nobody"}], "entry 1 ('Orders'): there is no source 'nobody'"),
    ([ORDERS | {"enabled": "yes"}], "entry 1 ('Orders'): enabled must be true or false"),
    ([ORDERS | {"max_concurrency": True}], "max_concurrency must be a whole number"),
    ([ORDERS | {"max_concurrency": 0}], "max_concurrency is a number from 1"),
    ([ORDERS | {"idempotency_key_from": "luck"}], "entry 1 ('Orders'): "),
    ([ORDERS | {"idempotency_key_from": [1]}], "must be text or a list of texts"),
    ([ORDERS | {"secret_env": "NOT_SET"}], "secret_env names NOT_SET, which is not set"),
    ([ORDERS | {"retry_policy": {"luck": 1}}], "entry 1 ('Orders'): "),
    ("triggers: [{name: a, action_payload: b, event_filter: {at: 2026-01-01}}]", "quote it"),
]


@pytest.mark.parametrize(("entries", "says"), WRONG, ids=lambda each: str(each)[:40])
def test_a_file_that_cannot_be_applied_is_one_sentence_and_changes_nothing(
    apply: Apply, database: Database, entries: object, says: str
) -> None:
    line = sentence(apply(entries))

    assert says in line
    assert rows(database) == []


OLDER_FILE = """
webhooks:
  - name: "v1.2 is_out"
    source: github
    event_filter: {event: push, branch: main}
    action_type: skill
    action_payload: "discord-send-message Deploy"
    agent: pulse-community
    enabled: true
events:
  - name: "New Critical Issue"
    source: linear
    action_type: prompt
    action_payload: "Look at the issue"
"""


def test_the_file_of_the_older_system_is_read(apply: Apply, database: Database) -> None:
    made = printed(apply(OLDER_FILE, "--json"))["triggers"]

    assert [each["does"] for each in made] == ["create", "create"]
    assert [(row.name, row.type, row.source, row.agent) for row in rows(database)] == [
        ("v1.2 is_out", "webhook", "github", "pulse-community"),
        ("New Critical Issue", "event", "linear", None),
    ]
    again = printed(apply(OLDER_FILE, "--json"))["triggers"]
    assert [each["does"] for each in again] == ["unchanged", "unchanged"]


def test_the_file_of_the_older_system_finds_its_own_triggers(
    apply: Apply, database: Database
) -> None:
    factories.trigger(
        database, name="v1.2 is_out", slug="v12-is-out", from_yaml=True, source="github"
    )

    made = printed(apply(OLDER_FILE, "--json"))["triggers"]

    assert [each["does"] for each in made] == ["update", "create"]
    assert [row.slug for row in rows(database)] == ["v12-is-out", "new-critical-issue"]


@pytest.mark.parametrize("text", ["webhooks:\nevents:\n", "webhooks: []\n", "events:\n  # none\n"])
def test_a_file_of_the_older_system_may_be_empty(
    apply: Apply, database: Database, text: str
) -> None:
    assert printed(apply(text, "--json"))["triggers"] == []
    assert rows(database) == []


def test_the_example_can_be_applied(hookonce: Hookonce, database: Database) -> None:
    secrets = {"GITHUB_WEBHOOK_SECRET": "g", "STRIPE_WEBHOOK_SECRET": "s"}
    example = str(ROOT / "docs" / "triggers.example.yml")

    made = hookonce("triggers", "apply", example, **secrets)
    again = hookonce("triggers", "apply", example, "--dry-run", **secrets)

    assert (made.exit_code, again.exit_code) == (0, 0), made.output + again.output
    assert [row.slug for row in rows(database)] == [
        "github-pushes",
        "stripe-payments",
        "support-inbox",
    ]


def test_somebody_who_was_faster_is_not_overwritten(database: Database) -> None:
    trigger_id = factories.trigger(database, name="Orders", slug="orders", from_yaml=True)
    with database.reading() as connection:
        seen = lookup.find_trigger(connection, trigger_id)
    edit(database, agent="alice's")

    with pytest.raises(manage.InvalidTrigger, match="run the command again"):
        manage.apply_trigger(database, seen, {"agent": "the file's"})

    assert rows(database)[0].agent == "alice's"


def test_neither_a_file_nor_a_rotation_takes_a_secret_that_could_verify_nothing(
    apply: Apply, database: Database
) -> None:
    entry = ORDERS | {"source": "discord", "secret_env": "ORDERS_SECRET"}
    key = 64 * "a"
    said = "the secret of source 'discord' must be the application's public key"

    other = {"name": "Others", "action_payload": "others.sh"}
    assert said in sentence(apply([other, entry], ORDERS_SECRET="no key"))
    assert rows(database) == [], "a mistake in a file is found before anything is done"
    apply([entry], ORDERS_SECRET=key)
    unsaid = {name: value for name, value in entry.items() if name != "source"}
    assert said in sentence(apply([unsaid], ORDERS_SECRET="no key"))
    with pytest.raises(InvalidTrigger, match=said):
        manage.rotate_secret(database, "orders", 60, "no key", ALICE)
    assert rows(database)[0].secret == key


def test_a_slip_in_an_event_filter_is_warned_of(hookonce: Hookonce) -> None:
    words = ("--source", "github", "--payload", "x", "--filter", '{"event_type": "Push"}')

    made = hookonce("trigger", "add", "slip", *words)
    changed = hookonce("trigger", "edit", "slip", "--filter", '{"event": "push"}')

    assert made.exit_code == 0, made.stderr
    assert "warning: github has no event 'Push'; it has 'push'" in made.stderr
    assert "warning" not in changed.stderr

"""The command can do everything that the API can, with tables for people and JSON for programs."""

import json
import os
import re
import subprocess
from collections.abc import Callable
from typing import Any

import click
import pytest
import sqlalchemy as sa

from app import cli
from app.audit import Actor
from app.cli import execution
from app.db import Database, utc_now
from app.db.models import execution_repeats
from app.stats.counter_writer import CounterWriter
from app.stats.counters import Counters
from app.triggers import lookup, removal, switching
from app.web.api import router
from tests.integration.cli.test_commands import Hookonce, hookonce, printed, sentence
from tests.support import factories
from tests.support.databases import ROOT
from tests.support.samples import SECRET
from tests.support.service import COMMANDS

__all__ = ["hookonce"]

COMMAND_OF = {
    "list_triggers": "trigger list",
    "create_trigger": "trigger add",
    "show_trigger": "trigger show",
    "update_trigger": "trigger edit",
    "patch_trigger": "trigger edit",
    "delete_trigger": "trigger remove",
    "fire_trigger": "trigger test",
    "regenerate_secret": "trigger rotate",
    "list_executions": "execution list",
    "find_executions": "execution list",
    "show_execution": "execution show",
    "replay_execution": "replay",
    "list_dead": "dead list",
    "replay_dead": "dead replay",
    "show_stats": "stats",
    "list_tokens": "token list",
    "create_token": "token add",
    "revoke_token": "token revoke",
    "list_changes": "audit list",
    "pause_trigger": "trigger pause",
    "resume_trigger": "trigger resume",
    "probe_target": "breaker probe",
    "close_breaker": "breaker close",
    "show_pause": "check",
    "pause_all": "trigger pause",
    "resume_all": "trigger resume",
    "list_workers": "workers",
    "run_execution_again": "execution run-again",
    "replay_edited": "replay",
    "cancel_execution": "execution cancel",
    "retry_execution_now": "execution retry-now",
    "forget_execution_key": "execution forget-key",
    "list_deliveries": "delivery list",
    "show_delivery": "delivery show",
    "accept_delivery": "delivery accept",
    "run_delivery": "delivery run",
    "list_notifications": "notify list",
    "add_channel": "notify add",
    "remove_channel": "notify remove",
    "test_channel": "notify test",
}
OF_A_BROWSER = {"log_in", "show_session", "log_out"}
OF_THE_OLDER_PAGE = {"needs_setup", "log_in_by_password", "show_me", "log_out_by_page"}


def test_every_operation_of_the_api_is_a_command() -> None:
    of_pages = OF_A_BROWSER | OF_THE_OLDER_PAGE
    assert {each.name for each in router.OPERATIONS} == COMMAND_OF.keys() | of_pages
    for words in COMMAND_OF.values():
        found: click.Command = cli.main
        for word in words.split():
            assert isinstance(found, click.Group)
            found = found.commands[word]


WITHOUT_JSON = {"worker", "key", "export", "listen", "migrate", "partition", "serve"}
"""Commands without --json: they show progress, run until stopped, or print a word or only JSON."""


def leaves(group: click.Group) -> list[click.Command]:
    """Return every command that is not a group."""
    inner = group.commands.values()
    groups = [each for each in inner if isinstance(each, click.Group)]
    return [*(set(inner) - set(groups)), *(leaf for each in groups for leaf in leaves(each))]


def test_each_command_says_what_it_does() -> None:
    assert all(command.help for command in leaves(cli.main))


def test_each_command_speaks_to_programs() -> None:
    silent = {
        each.name
        for each in leaves(cli.main)
        if not any("--json" in parameter.opts for parameter in each.params)
    }

    assert silent == WITHOUT_JSON


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("trigger", "disable", "{}"), {"enabled": False}),
        (("trigger", "enable", "{}"), {"enabled": True}),
        (("trigger", "remove", "{}", "--yes"), {"name": "a trigger"}),
        (("held", "release", "--yes"), {"executions": 0}),
        (("held", "give-up", "--yes"), {"executions": 0}),
        (("secret", "unseal", "--yes"), {"triggers": 0}),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else None,
)
def test_a_change_is_told_to_a_program_without_a_secret(
    hookonce: Hookonce, database: Database, words: tuple[str, ...], told: dict[str, Any]
) -> None:
    trigger_id = factories.trigger(database, name="a trigger")

    answer = hookonce(*(word.format(trigger_id) for word in words), "--json")

    said = printed(answer)
    assert {name: said[name] for name in told} == told
    assert SECRET not in answer.stdout


def test_a_trigger_is_made_as_the_pages_make_it_and_changed_into_another_type(
    hookonce: Hookonce, database: Database
) -> None:
    options = ("--payload", "x", "--agent", "ada", "--type", "event", "--disabled")
    made = printed(hookonce("trigger", "add", "by hand", *options, "--json"))
    with database.reading() as connection:
        row = lookup.find_trigger(connection, made["id"])

    changed = printed(hookonce("trigger", "edit", "by hand", "--type", "webhook", "--json"))

    assert (row.type, row.agent, row.enabled) == ("event", "ada", False)
    assert (changed["type"], changed["agent"]) == ("webhook", "ada")


def test_a_revoked_token_is_told_to_a_program(hookonce: Hookonce) -> None:
    hookonce("token", "add", "Ada")

    said = printed(hookonce("token", "revoke", "Ada", "--json"))

    assert said["name"] == "Ada"
    assert said["revoked_at"] is not None
    assert "token_hash" not in said


def test_a_request_is_printed_byte_for_byte_or_described(
    hookonce: Hookonce, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution_id = factories.execution(database, factories.trigger(database))
    body = bytes(range(256)) + b"\r\n"
    factories.request_of(database, execution_id, body, "image/png", '{"x-request-id": "theirs"}')

    whole = hookonce("execution", "request", str(execution_id))
    with monkeypatch.context() as patch:
        patch.setattr(execution, "_is_terminal", lambda: True)
        at_a_terminal = hookonce("execution", "request", str(execution_id))
    described = printed(hookonce("execution", "request", str(execution_id), "--json"))
    missing = hookonce("execution", "request", str(execution_id + 1))

    assert whole.stdout_bytes == body
    assert at_a_terminal.stdout.startswith("\\x00\\x01")
    assert "\x1b" not in at_a_terminal.stdout
    assert described == {
        "content_type": "image/png",
        "headers": {"x-request-id": "theirs"},
        "bytes": len(body),
    }
    assert "is not kept" in sentence(missing)


def test_an_edit_changes_what_is_named_and_nothing_else(
    hookonce: Hookonce, database: Database
) -> None:
    trigger_id = factories.trigger(database, tolerance_seconds=5.0, agent="an agent")
    given = ("--name", "Anew", "--filter", '{"a": "b"}', "--key-from", "hash", "--unset", "agent")

    row = printed(hookonce("trigger", "edit", str(trigger_id), *given, "--json"))

    changed = (row["name"], row["event_filter"], row["idempotency_key_from"], row["agent"])
    assert changed == ("Anew", '{"a": "b"}', "hash", None)
    assert (row["tolerance_seconds"], row["source"], row["id"]) == (5.0, "custom", trigger_id)
    ((change,), _) = (printed(hookonce("audit", "list", "--json"))["rows"], None)
    assert (change["action"], change["subject"]) == ("trigger.update", f"trigger:{trigger_id}")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--source", "nobody"), "there is no source 'nobody'"),
        (("--key-from", "luck"), "is not a part of a key"),
        (("--filter", "["), "the event filter is not JSON"),
        (("--retry-policy", "7"), "the retry policy must be an object"),
        (("--payload", ""), "a trigger needs a payload"),
    ],
    ids=str,
)
def test_an_edit_that_cannot_work_is_one_sentence(
    hookonce: Hookonce, database: Database, options: tuple[str, ...], says: str
) -> None:
    trigger_id = factories.trigger(database)

    assert says in sentence(hookonce("trigger", "edit", str(trigger_id), *options))


@pytest.mark.parametrize("options", [(), ("--agent", "a", "--unset", "agent")], ids=str)
def test_an_edit_that_says_nothing_or_two_things_is_a_slip(
    hookonce: Hookonce, database: Database, options: tuple[str, ...]
) -> None:
    factories.trigger(database)

    assert hookonce("trigger", "edit", "1", *options).exit_code == 2


def test_a_trigger_can_be_tried_with_an_event_of_ones_own(
    hookonce: Hookonce, database: Database
) -> None:
    trigger_id = factories.trigger(database)

    started = printed(hookonce("trigger", "test", str(trigger_id), "--data", '{"a": 1}', "--json"))

    (row,) = factories.executions(database)
    assert started == {"status": "started", "execution_id": row.id}
    assert json.loads(row.event_data)["data"] == {"a": 1}
    assert "must be a JSON object" in sentence(hookonce("trigger", "test", "1", "--data", "[]"))


def test_executions_are_listed_page_by_page(hookonce: Hookonce, database: Database) -> None:
    trigger_id = factories.trigger(database, slug="orders")
    ids = [factories.execution(database, trigger_id) for _ in range(3)]
    failed = factories.execution(database, trigger_id, "failed", idempotency_key="k")
    factories.execution(database, factories.trigger(database))

    def listed(*options: str) -> Any:
        return printed(hookonce("execution", "list", "--trigger", "orders", "--json", *options))

    first = listed("--limit", "2")
    assert [row["id"] for row in first["rows"]] == [failed, ids[2]]
    rest = listed("--before", str(first["next"]))
    assert ([row["id"] for row in rest["rows"]], rest["next"]) == ([ids[1], ids[0]], None)
    assert [row["id"] for row in listed("--status", "failed")["rows"]] == [failed]
    assert [row["id"] for row in listed("--key", "k")["rows"]] == [failed]
    table = hookonce("execution", "list", "--trigger", "orders", "--limit", "1")
    assert table.stdout.splitlines()[1].split()[:4] == [str(failed), str(trigger_id), "failed", "k"]
    assert f"--before {failed}" in table.stderr


def test_executions_of_every_trigger_are_found_by_what_became_of_them_and_when(
    hookonce: Hookonce, database: Database
) -> None:
    some, other = factories.trigger(database), factories.trigger(database)
    refused = {"error_category": "permanent", "error_reason": "auth", "received_at": utc_now(-7200)}
    failed = factories.execution(database, some, "failed", **refused)
    fresh = factories.execution(database, other, received_at=utc_now())

    def found(*options: str) -> list[int]:
        said = printed(hookonce("execution", "list", "--json", *options))
        return [row["id"] for row in said["rows"]]

    assert found() == [fresh, failed]
    assert found("--reason", "auth") == found("--category", "permanent") == [failed]
    assert found("--reason", "timeout") == []
    assert (found("--since", "1h"), found("--until", "1h")) == ([fresh], [failed])
    assert "there is no trigger 'x'" in sentence(hookonce("execution", "list", "--trigger", "x"))


def test_the_trigger_of_the_executions_may_still_be_an_argument_but_not_both(
    hookonce: Hookonce, database: Database
) -> None:
    execution_id = factories.execution(database, factories.trigger(database, slug="orders"))
    factories.execution(database, factories.trigger(database))

    (row,) = printed(hookonce("execution", "list", "orders", "--json"))["rows"]
    twice = hookonce("execution", "list", "orders", "--trigger", "orders")

    assert row["id"] == execution_id
    assert "give the trigger once, as --trigger" in twice.stderr


def test_an_execution_is_shown_with_all_that_belongs_to_it(
    hookonce: Hookonce, database: Database
) -> None:
    places = '["header:X-Id", "body:id"]'
    trigger_id = factories.trigger(database, slug="orders", idempotency_key_from=places)
    execution_id = factories.execution(database, trigger_id, "running")
    with database.writing() as connection:
        seen = {"execution_id": execution_id, "number": 2, "last_at": utc_now()}
        connection.execute(sa.insert(execution_repeats).values(seen))

    shown = printed(hookonce("execution", "show", str(execution_id), "--json"))

    assert (shown["trigger_slug"], shown["status"], shown["repeats"]) == ("orders", "running", 2)
    assert (shown["key_from"], shown["first_execution_id"]) == (
        "header:X-Id and body:id",
        execution_id,
    )
    assert shown["repeated_at"] is not None
    assert [each["number"] for each in shown["attempts"]] == [1]
    assert [each["id"] for each in shown["chain"]] == [execution_id]
    assert "\nattempts\nnumber" in hookonce("execution", "show", str(execution_id)).stdout
    assert "there is no execution 99" in sentence(hookonce("execution", "show", "99"))


def test_changes_are_found_by_subject_actor_and_action(
    hookonce: Hookonce, database: Database
) -> None:
    one, other = factories.trigger(database), factories.trigger(database)
    switching.set_enabled(database, one, False, Actor("alice"))
    switching.set_enabled(database, other, False, Actor("bob"))
    removal.remove_trigger(database, other, Actor("alice"))

    def found(*options: str) -> list[tuple[str, str]]:
        rows = printed(hookonce("audit", "list", "--json", *options))["rows"]
        return [(row["actor"], row["action"]) for row in rows]

    assert len(found()) == 3
    assert found("--actor", "alice", "--limit", "1") == [("alice", "trigger.remove")]
    assert found("--subject", f"trigger:{one}") == [("alice", "trigger.update")]
    assert found("--action", "trigger.update", "--actor", "bob") == [("bob", "trigger.update")]


def test_the_statistics_are_those_of_the_api(
    hookonce: Hookonce, database: Database, stats: Callable[[], dict[str, Any]]
) -> None:
    trigger_id = factories.trigger(database, source="slack")
    factories.execution(database, trigger_id, "failed", error_reason="auth", received_at=utc_now())
    counters = Counters()
    counters.count(trigger_id, "duplicate", 3)
    counters.answered(trigger_id, 0.004)
    CounterWriter(counters, database, 3600).flush()

    shown, of_api = printed(hookonce("stats", "--json")), stats()

    alike = ("total_executions", "by_status", "retries_observed", "idempotent_replays", "dlq_size")
    alike += ("window_days", "dead_by_reason", "wpp_command_count", "answer_times")
    assert {name: shown[name] for name in alike} == {name: of_api[name] for name in alike}
    assert shown["deliveries"] == {"duplicate": 3}
    table = hookonce("stats").stdout
    assert re.search(r"^idempotent_replays +3$", table, re.M)
    assert re.search(r"^slack +1 ", table, re.M)


@pytest.fixture
def stats(settings: Any, database: Database) -> Callable[[], dict[str, Any]]:
    """Call the API; return the JSON of the response."""
    from falcon import testing

    from app.web.application import create_app
    from tests.support.api import Api

    asked = Api(testing.TestClient(create_app(settings, database)), database)
    token = asked.token("viewer")
    return lambda: dict(asked.ask("GET", "/api/triggers/stats", token).json)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_can_be_told_to_complete_the_command(shell: str) -> None:
    environment = {
        "PATH": f"{COMMANDS}:{os.environ['PATH']}",
        "_HOOKONCE_COMPLETE": f"{shell}_source",
    }

    printed_source = subprocess.run(
        [str(COMMANDS / "hookonce")], env=environment, capture_output=True, text=True, timeout=240
    )

    if shell != "bash" or "bash" not in printed_source.stderr:
        assert "_HOOKONCE_COMPLETE" in printed_source.stdout, printed_source.stderr
    assert f"_HOOKONCE_COMPLETE={shell}_source" in (ROOT / "docs" / "operations.md").read_text()


def test_completion_offers_commands() -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "_HOOKONCE_COMPLETE": "bash_complete",
        "COMP_WORDS": "hookonce exec",
        "COMP_CWORD": "1",
    }

    offered = subprocess.run(
        [str(COMMANDS / "hookonce")], env=environment, capture_output=True, text=True, timeout=240
    )

    assert offered.stdout.split() == ["plain,execution"]

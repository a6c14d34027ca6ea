"""A shell completes commands, triggers, sources and actions."""

import os
import shlex
import subprocess

import pytest

from app import auth
from app.audit import UNNAMED
from app.db import Database
from app.notifications import channels
from app.notifications.channels import NewChannel
from tests.support import factories
from tests.support.service import COMMANDS, environment
from tests.support.thorough import some


def completed(url: str, *words: str) -> list[str]:
    """Return what bash would offer for the last word."""
    variables = {
        "DATABASE_URL": url,
        "_HOOKONCE_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(["hookonce", *words]),
        "COMP_CWORD": str(len(words)),
    }
    command = subprocess.run(
        [COMMANDS / "hookonce"],
        env=environment(variables),
        capture_output=True,
        text=True,
        check=True,
    )
    return [line.partition(",")[2] for line in command.stdout.splitlines() if line]


def inserted(url: str, typed: str) -> str:
    """Return the arguments, one a line, that bash makes of the completion of a token's name."""
    quote = typed[0] if typed[0] in "\"'" else ""
    script = f"""
        eval "$(_HOOKONCE_COMPLETE=bash_source hookonce)"
        COMP_WORDS=(hookonce token revoke {shlex.quote(typed)}) COMP_CWORD=3
        _hookonce_completion hookonce
        eval "printf '%s\\n' "{shlex.quote(quote)}"${{COMPREPLY[0]}}"{shlex.quote(quote)}
    """
    path = f"{COMMANDS}:{os.environ['PATH']}"
    variables = environment({"DATABASE_URL": url, "PATH": path})
    command = ["bash", "--norc", "-c", script]
    return subprocess.run(command, env=variables, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(
    "words",
    some(
        [
            ("trigger", "show"),
            ("trigger", "send"),
            ("trigger", "pause"),
            ("breaker", "probe"),
            ("execution", "list", "--trigger"),
            ("listen", "http://127.0.0.1", "--trigger"),
        ],
        one_in=5,
    ),
)
def test_a_trigger_is_completed_by_its_slug(
    database: Database, database_url: str, words: tuple[str, ...]
) -> None:
    factories.trigger(database, slug="orders_eu")
    factories.trigger(database, slug="orders-us")
    factories.trigger(database, slug="ordersXeu")

    assert completed(database_url, *words, "orders_") == ["orders_eu"]
    assert completed(database_url, *words, "orders") == ["orders-us", "ordersXeu", "orders_eu"]


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_sources_and_actions_are_completed_without_a_database(empty_url: str) -> None:
    assert completed(empty_url, "trigger", "add", "a", "--source", "git") == [
        "gitea",
        "github",
        "gitlab",
    ]
    assert completed(empty_url, "trigger", "add", "a", "--action", "ht") == ["http"]
    assert completed(empty_url, "trigger", "show", "a") == []
    assert "trigger" in completed(empty_url, "tri")


def test_names_of_channels_and_tokens_are_completed(database: Database, database_url: str) -> None:
    channels.add(database, NewChannel("ops", "email", "ops@acme.example", None, ()))
    auth.add_token(database, UNNAMED, "deploy", "viewer")
    auth.add_token(database, UNNAMED, "delayed", "viewer")
    auth.revoke_token(database, UNNAMED, "delayed")

    assert completed(database_url, "notify", "test", "o") == ["ops"]
    assert completed(database_url, "token", "revoke", "de") == ["deploy"]
    assert completed(database_url, "execution", "list", "--source", "stri") == ["stripe"]


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize("typed", ["night", r"night\ t", '"night t', "'night t"])
@pytest.mark.parametrize("name", ["night team", "night team's $(id) \"`x`\\"])
def test_bash_completes_a_name_with_blanks_as_one_word(
    database: Database, database_url: str, typed: str, name: str
) -> None:
    auth.add_token(database, UNNAMED, name, "viewer")

    assert inserted(database_url, typed) == f"{name}\n"

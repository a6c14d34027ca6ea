"""Channels are added, listed and removed; their addresses and secrets are sealed and masked."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from app import cli
from app.db import Database
from app.db.models import audit
from app.errors import InvalidChannel, NotFound
from app.notifications import channels
from app.notifications import sealing as channel_sealing
from app.notifications.channels import NewChannel
from app.settings import from_environment
from app.triggers import sealing
from tests.support import factories
from tests.support.schema_dump import data
from tests.support.sink import LOOPBACK, Sink

CANARY = "https://hooks.slack.com/services/canary-4711"
OLD, NEW = "the first key of all", "a key that came later"


@contextmanager
def keyed(url: str, keys: str) -> Iterator[Database]:
    database = Database(from_environment({"DATABASE_URL": url, "HOOKONCE_SECRET_KEY": keys}))
    try:
        yield database
    finally:
        database.dispose()


@pytest.mark.parametrize(
    "wanted",
    [
        NewChannel("", "webhook", "https://a.example"),
        NewChannel("x" * 101, "webhook", "https://a.example"),
        NewChannel("7", "webhook", "https://a.example"),
        NewChannel("a\u202eb", "webhook", "https://a.example"),
        NewChannel("a", "pigeon", "https://a.example"),
        NewChannel("a", "webhook", "ftp://a.example"),
        NewChannel("a", "webhook", "https://user:pw@a.example"),
        NewChannel("a", "webhook", "https://a.example/" + "x" * 2_000),
        NewChannel("a", "email", "nobody"),
        NewChannel("a", "email", "a@b.example,"),
        NewChannel("a", "email", "a@b.example\r\nBcc: c@d.example"),
        NewChannel("a", "email", ",".join(["a@b.example"] * 21)),
        NewChannel("a", "webhook", "https://a.example", trigger_id=999),
        NewChannel("a", "webhook", "https://a.example", conditions=["full_moon"]),
    ],
)
def test_a_channel_that_cannot_work_is_refused(database: Database, wanted: NewChannel) -> None:
    with pytest.raises(InvalidChannel):
        channels.add(database, wanted)


def test_a_name_is_given_once(database: Database) -> None:
    channels.add(database, NewChannel("ops", "slack", CANARY))

    with pytest.raises(InvalidChannel, match="already"):
        channels.add(database, NewChannel("ops", "slack", CANARY))


def test_addresses_and_secrets_are_sealed_resealed_and_unsealed(database_url: str) -> None:
    with keyed(database_url, OLD) as database:
        _, secret = channels.add(database, NewChannel("ops", "webhook", CANARY))
    assert secret
    sealed = str(data(database_url))
    with keyed(database_url, f"{NEW},{OLD}") as database:
        sum(sealing.reseal(database))
    with keyed(database_url, OLD) as database, database.reading() as connection:
        lost = sealing.unopened(connection, database.secret_box)
        assert channels.opened(connection, database.secret_box) == []
    with keyed(database_url, NEW) as database:
        with database.reading() as connection:
            (opened,) = channels.opened(connection, database.secret_box)
        sum(sealing.unseal(database))
        with database.reading() as connection:
            counted = channel_sealing.counts(connection)

    assert CANARY not in sealed
    assert secret not in sealed
    assert lost == ["channel ops"]
    assert (opened.address, opened.secret) == (CANARY, secret)
    assert counted == {"sealed": 0, "clear": 2}
    assert CANARY in str(data(database_url))


def test_the_audit_has_who_and_no_address(database: Database) -> None:
    row, _ = channels.add(database, NewChannel("ops", "slack", CANARY))
    channels.remove(database, "ops")
    with pytest.raises(NotFound):
        channels.remove(database, row.id)

    with database.reading() as connection:
        rows = connection.execute(sa.select(audit).order_by(audit.c.id)).all()
    assert [each.action for each in rows] == ["channel.add", "channel.remove"]
    assert "canary" not in str(rows)
    assert "hooks.slack.com" in str(rows)


def test_the_commands_add_test_list_and_remove(
    database: Database, database_url: str, sink: Sink
) -> None:
    factories.trigger(database, slug="orders")
    runner = CliRunner(env={"DATABASE_URL": database_url, "HOOKONCE_EGRESS_ALLOW": LOOPBACK})

    def run(*words: str) -> tuple[int, str]:
        result = runner.invoke(cli.main, ["notify", *words])
        return result.exit_code, result.stdout

    empty = run("test")
    added = json.loads(run("add", "ops", f"{sink.url}/canary", "--trigger", "orders", "--json")[1])
    chat = json.loads(run("add", "chat", f"{sink.url}/hooks/canary", "--json")[1])
    sent = run("test")
    sink.status = 500
    failed = run("test", "ops")
    listed = run("list")
    told = json.loads(run("list", "--json")[1])["channels"]
    removed = run("remove", "ops")

    assert empty[0] == 1
    assert (added["kind"], added["secret"][:6], chat["kind"]) == ("webhook", "whsec_", "slack")
    assert (sent[0], failed[0], removed[0]) == (0, 1, 0)
    assert "answered HTTP 500" in failed[1]
    assert "canary" not in listed[1] + str(told) + removed[1]
    assert {each["name"]: bool(each["last_error"]) for each in told} == {"chat": False, "ops": True}
    assert run("remove", "ops")[0] == 1

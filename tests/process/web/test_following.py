"""A running service: executions are forwarded to a developer, and people are notified."""

import json
from pathlib import Path

import pytest

from app import auth
from app.audit import UNNAMED
from app.db import Database
from app.notifications import channels
from app.notifications.channels import NewChannel
from tests.support.ledger import Ledger
from tests.support.service import Service, until
from tests.support.sink import LOOPBACK, listening
from tests.support.socket_sender import Sender


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_executions_are_forwarded_to_a_developer_and_run_as_usual(
    service: Service, database: Database, ledger: Ledger
) -> None:
    trigger = ledger.trigger("orders", script="cat >/dev/null")
    _, token = auth.add_token(database, UNNAMED, "developer", "viewer")
    gunicorn = service.gunicorn(workers=1)
    sender = Sender(gunicorn.port, trigger.id, trigger.secret)
    sender.post_event("before")
    with listening() as sink:
        at = f"http://127.0.0.1:{gunicorn.port}"
        options = ("--trigger", "orders", "--server", at, "--token", token)
        listen = service.start("hookonce", "listen", sink.url, *options)
        listen.wait_for("forwarding")
        for number in range(3):
            sender.post_event(f"k-{number}")
        until(lambda: len(sink.received) == 3, "three executions were forwarded")
        resumed = service.run(
            "hookonce", "listen", sink.url, *options, "--after", "3", "--seconds", "0.1"
        )
        refused = service.run("hookonce", "listen", sink.url, *options[:-1], "hookonce_wrong")
    worker = service.run("hookonce", "worker", "--once")

    executions = [each.headers["Hookonce-Execution"] for each in sink.received]
    assert executions == ["2", "3", "4", "4"]
    assert json.loads(sink.received[0].body)
    assert "#4  HTTP 200" in resumed.stdout
    assert refused.returncode == 1
    assert "refuses the token" in refused.stdout
    assert "4 attempt(s) made" in worker.stdout


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_a_worker_notifies_of_executions_that_fail(
    service: Service, database: Database, ledger: Ledger, tmp_path: Path
) -> None:
    trigger = ledger.trigger("orders", script="exit 1")
    limits = {"HOOKONCE_NOTIFY": "round=1,pause=1", "HOOKONCE_EGRESS_ALLOW": LOOPBACK}
    gunicorn = service.gunicorn(workers=1)
    with listening() as sink:
        channels.add(database, NewChannel("ops", "webhook", sink.url))
        service.worker(**limits)
        Sender(gunicorn.port, trigger.id, trigger.secret).post_event("k-1")
        until(lambda: bool(sink.received), "a person was notified")

    (news,) = json.loads(sink.received[0].body)["data"]["notifications"]
    assert (news["event"], news["condition"]) == ("began", "dead_letters")
    assert news["trigger_id"] == trigger.id
    assert str(tmp_path) not in sink.received[0].body.decode()

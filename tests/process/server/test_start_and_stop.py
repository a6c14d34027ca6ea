"""The commands as a person runs them: messages for mistyped settings, and Ctrl-C."""

import itertools
import json
import os
import re
import shutil
import signal
import sys
from pathlib import Path

import pytest
import urllib3

from tests.support.databases import ROOT
from tests.support.ledger import Ledger
from tests.support.service import LISTENING, Running, Service, run, runs, tree, until
from tests.support.socket_sender import Sender
from tests.support.thorough import some

COMMANDS = [
    ("gunicorn", "-b", "127.0.0.1:0"),
    ("gunicorn", "--check-config"),
    ("hookonce", "worker"),
    ("hookonce", "check"),
    ("hookonce", "trigger", "list"),
    ("alembic", "upgrade", "head"),
]
MISTYPED = [
    ({"HOOKONCE_LEASE_SECONDS": "soon"}, "HOOKONCE_LEASE_SECONDS='soon' cannot be used: "),
    ({"HOOKONCE_REFUSAL_STATUS": "418"}, "HOOKONCE_REFUSAL_STATUS='418' cannot be used: "),
    ({"DATABASE_URL": "mysql://me:hidden@there/db"}, "DATABASE_URL cannot be used: "),
]


@pytest.mark.parametrize(
    ("command", "mistyped"),
    some(list(itertools.product(COMMANDS, MISTYPED)), one_in=4),
    ids=lambda given: "-".join(given[:2]) if given in COMMANDS else next(iter(given[0])),
)
def test_a_setting_that_cannot_be_used_stops_the_start_with_one_sentence(
    command: tuple[str, ...], mistyped: tuple[dict[str, str], str], tmp_path: Path
) -> None:
    setting, says = mistyped
    url = {"DATABASE_URL": f"sqlite:///{tmp_path}/never-made.db"}

    ended = run(*command, **(url | setting))

    assert ended.returncode != 0
    assert says in ended.stdout.strip().splitlines()[-1]
    assert "Traceback" not in ended.stdout
    assert "hidden" not in ended.stdout
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_stops_receiver_and_worker_with_status_0(service: Service, ledger: Ledger) -> None:
    trigger = ledger.trigger()
    together = service.start("honcho", "start", GUNICORN_CMD_ARGS="-b 127.0.0.1:0 -w 2")
    until(lambda: together.log().count("evt=serving") == 2, "two worker processes")
    port = int(LISTENING.findall(together.log())[0])
    assert Sender(port, trigger.id, trigger.secret).post_event("paid-1").acknowledged
    ledger.wait_until_done("paid-1")

    together.signal(signal.SIGINT)

    assert together.ended() == 130  # what a shell expects of a program that was interrupted
    stopped = dict(re.findall(r"(\w+)\.1 stopped \(rc=(-?\d+)\)", together.log()))
    assert stopped == {"web": "0", "worker": "0"}
    assert "Traceback" not in together.log()


def test_processes_that_are_replaced_receive_as_before(service: Service, ledger: Ledger) -> None:
    gunicorn = service.gunicorn(workers=2)
    before = gunicorn.children()

    gunicorn.signal(signal.SIGHUP)
    until(lambda: len(gunicorn.lines("serving")) == 4, "two more processes")
    until(lambda: set(before).isdisjoint(gunicorn.children()), "the first two to end")

    assert ledger.sender(gunicorn).post_event("after").acknowledged
    assert len(gunicorn.children()) == 2


@pytest.mark.skipif(Path(sys.prefix) != ROOT / ".venv", reason="make has an environment of its own")
@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP], ids=lambda each: each.name)
def test_ctrl_c_and_a_closed_terminal_leave_nothing_of_make_run(
    service: Service, number: signal.Signals
) -> None:
    make = service.start(str(shutil.which("make")), "run", GUNICORN_CMD_ARGS="-b 127.0.0.1:0 -w 1")
    make.wait_for("evt=serving")
    make.wait_for("evt=worker_started")
    started = tree(make.pid)

    os.killpg(make.pid, number)

    make.ended()
    until(lambda: not any(map(runs, started)), "nothing running")
    assert "web.1 stopped (rc=0)" in make.log() or number is signal.SIGHUP


def test_every_line_can_be_json(database_url: str, tmp_path: Path) -> None:
    form = {"DATABASE_URL": database_url, "HOOKONCE_LOG_FORMAT": "json"}
    gunicorn = Running(tmp_path / "log", "gunicorn", "-b", "127.0.0.1:0", "-w", "1", **form)
    gunicorn.wait_for('"evt": "serving"')
    (port,) = re.findall(r"127\.0\.0\.1:(\d+)", gunicorn.log())
    urllib3.request("GET", f"http://127.0.0.1:{port}/healthz", timeout=120)
    assert gunicorn.stop() == 0

    lines = [json.loads(line) for line in gunicorn.log().splitlines()]
    assert "serving" in [line.get("evt") for line in lines]
    assert "gunicorn.error" in [line.get("logger") for line in lines]
